"""What is declared, what is read, what is kept. The only room that knows DuckDB."""
