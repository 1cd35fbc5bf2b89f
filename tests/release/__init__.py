"""What is released works elsewhere: the wheel, the examples of the help, the workflow, the site."""
