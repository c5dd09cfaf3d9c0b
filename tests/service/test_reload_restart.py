"""What a reload can't change, and says so."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from pipetwist.api.options import ApiOptions, ApiTlsOptions, StatsOptions
from pipetwist.config.document import Document, ExperimentalOptions, LogOptions, RouteOptions
from pipetwist.inbounds.unix import UnixInboundOptions
from pipetwist.routing.rules import RuleOptions
from pipetwist.service.restarts import needs_restart
from pipetwist.web.options import WebOptions, WebTlsOptions
from tests.service.reload_case import TOOL


class RestartTest(SynchronousTestCase):
    """What can't be changed while it runs."""

    def setUp(self) -> None:
        """Begin with a document."""
        self.document = Document(
            inbounds=(UnixInboundOptions(tag="in", path="/in"),), outbounds=(TOOL,)
        )

    def test_nothing(self) -> None:
        """Everything that a reload takes over needs no restart."""
        other = replace(
            self.document,
            inbounds=(),
            outbounds=(),
            route=RouteOptions(final="x", rules=(RuleOptions(outbound="x"),)),
            log=LogOptions(level="warn"),
            transfer="stream",
            drain_timeout=1.0,
        )
        self.assertEqual(needs_restart(self.document, other), [])
        api = [
            replace(
                self.document, experimental=ExperimentalOptions(v2ray_api=ApiOptions(stats=stats))
            )
            for stats in (
                StatsOptions(),
                StatsOptions(enabled=True, inbounds=("in",), outbounds=("out",), users=("alice",)),
            )
        ]
        self.assertEqual(needs_restart(*api), [])

    def test_certificates(self) -> None:
        """Certificates may be in other files, and clients' be wanted where they were not; TLS where
        there was none needs a restart.
        """

        def document(api: ApiTlsOptions | None, metrics: WebTlsOptions) -> Document:
            options = ApiOptions(listen="127.0.0.1:1", tls=api)
            web = WebOptions(listen="127.0.0.1:2", tls=metrics)
            return replace(
                self.document, experimental=ExperimentalOptions(v2ray_api=options), metrics=web
            )

        before = document(
            ApiTlsOptions(certificate_path="/a", key_path="/b"),
            WebTlsOptions(certificate_path="/a", key_path="/b"),
        )
        metrics = WebTlsOptions(certificate_path="/c", key_path="/d", client_certificate_path="/e")
        self.assertEqual(
            needs_restart(
                before, document(ApiTlsOptions(certificate_path="/c", key_path="/d"), metrics)
            ),
            [],
        )
        clients = ApiTlsOptions(certificate_path="/c", key_path="/d", client_certificate_path="/e")
        self.assertEqual(needs_restart(before, document(clients, metrics)), [])
        newer = replace(clients, min_version="1.3", client_crl_path="/f")
        self.assertEqual(needs_restart(before, document(newer, metrics)), [])
        off = replace(clients, enabled=False)
        self.assertEqual(
            needs_restart(before, document(off, metrics)),
            ["experimental.v2ray_api.tls.enabled"],
        )
        self.assertEqual(
            needs_restart(document(None, metrics), document(clients, metrics)),
            ["experimental.v2ray_api.tls"],
        )

    def test_something(self) -> None:
        """The log's format and the API's listener do, and each is named."""
        other = replace(
            self.document,
            log=LogOptions(format="json"),
            experimental=ExperimentalOptions(v2ray_api=ApiOptions(listen="127.0.0.1:1")),
        )
        self.assertEqual(
            needs_restart(self.document, other), ["log.format", "experimental.v2ray_api"]
        )
        another = replace(
            other,
            experimental=ExperimentalOptions(
                v2ray_api=ApiOptions(listen="127.0.0.1:2", insecure=True)
            ),
        )
        self.assertEqual(
            needs_restart(other, another),
            ["experimental.v2ray_api.listen", "experimental.v2ray_api.insecure"],
        )
