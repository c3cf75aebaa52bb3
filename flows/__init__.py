"""What runs, in which order, with what retries. The only room that knows Prefect."""
