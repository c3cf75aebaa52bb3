"""What the product takes, beside plainly written programs and beside the least that any program must do."""
