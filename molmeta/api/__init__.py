"""One function for each command; `import molmeta` imports them when they are first used."""
