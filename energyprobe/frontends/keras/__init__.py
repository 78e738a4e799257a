"""Recording Keras models: a callback that counts inside the graph, and a table of layer types."""
