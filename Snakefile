# The workflow is in workflow/, where the Snakemake catalogue and other workflows look for it.
workflow.include("workflow/Snakefile", overwrite_default_target=True)
