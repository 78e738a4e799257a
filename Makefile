.PHONY: demo test check test-oldest clean

demo:         ## set everything up and run the main job on handwritten digits
	scripts/setup
	.venv/bin/python examples/digits.py

test:         ## set everything up and run the tests
	scripts/test

check:        ## lint, layout and types
	scripts/check

test-oldest:  ## the tests that also run on TensorFlow 2.12 with Keras 2
	scripts/test oldest

clean:        ## remove what the other targets made
	rm -rf .venv .venv-oldest .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info
