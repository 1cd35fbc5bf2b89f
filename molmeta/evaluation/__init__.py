"""How good a model is: metrics, paired statistics, evaluation by assay, enrichment in libraries."""
