"""In-memory fakes that a test controls. `pipetwist.testing` exports them."""
