"""The OpenAI-compatible door: the same models as on our pages, for programs, with a key.

The wire format is the inference service's own. What this door adds is who may come in (`keys`), what a request
may look like (`schema`), how much one employee may ask for (`limits`) and how a failure is told (`errors`);
`views` puts them together. Nothing is stored here: no thread, no message, no prompt in a log.
"""
