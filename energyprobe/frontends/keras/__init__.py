"""Recording Keras models: a callback that counts inside the graph, and a table from layer types to operations."""
