"""What must hold. The only room that knows Great Expectations."""
