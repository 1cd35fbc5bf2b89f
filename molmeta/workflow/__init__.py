"""What the Snakefile imports: the configuration, the tables it finds, the commands it runs."""
