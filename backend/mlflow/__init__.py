"""The MLflow tracking protocol, so that programs log here with MLflow's unmodified client.

`app` routes a request, `requests` reads its body or query into a class of `bodies`, and the module
of its resource answers it: `experiments`, `runs`, `logs`, `histories`, `datasets`, `models`,
`artifacts`. `filters` and `orders` read search texts into typed trees, which `backend.store`
translates to SQL. Every failure is answered in MLflow's envelope (`errors`).

The protocol is documented in docs/tracking.md, with the differences from MLflow's own server.
"""
