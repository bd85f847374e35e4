"""How a call is answered: the pipeline of models, or audio played back for measuring."""
