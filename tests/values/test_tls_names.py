"""Names in TLS, and subject alternative names."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.documents import full, problems

_NOTHING_TO_REVOKE = (
    "client_crl_path has no client certificates to revoke; add client_certificate_path"
)


class _DocumentCase(SynchronousTestCase):
    """A document whose inbound and outbound speak TLS."""

    def told(self, where: str = "inbounds", **keys: object) -> list[str]:
        """What is wrong with these keys of a TLS, each without its place's beginning."""
        document: dict[str, Any] = full()
        index = 1 if where == "inbounds" else 2
        document[where][index]["tls"].update(keys)
        return [one.removeprefix(f"{where}[{index}].tls") for one in problems(document)]


class NamesTest(_DocumentCase):
    """Values of keys of TLS."""

    def test_versions(self) -> None:
        """Versions that there are not, or not any more, are reported, with those that there are."""
        for key in ("min_version", "max_version"):
            for written, said in (
                ("1.1", 'TLS 1.1 is not supported (RFC 8996); write "1.2" or "1.3"'),
                ("1.4", '"1.4" is not a version of TLS; write "1.2" or "1.3"'),
                (1.3, '1.3 is not a version of TLS; write "1.2" or "1.3"'),
            ):
                for where in ("inbounds", "outbounds"):
                    self.assertEqual(self.told(where, **{key: written}), [f".{key}: {said}"])

    def test_cipher_suites(self) -> None:
        """A suite that is none is reported with the name that was meant, where that can be said."""
        for written, said in (
            (
                "ECDHE-RSA-AES128-GCM-SHA256",
                "IANA's name of it is \"TLS_ECDHE_RSA_WITH_AES_128_GCM",
            ),
            ("TLS_AES_128_GCM_SHA256", "those of TLS 1.3 can't be chosen, and are always allowed"),
            ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA265", 'did you mean "TLS_ECDHE_RSA_WITH_AES_128'),
            ("nonsense", 'write an IANA name, such as "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"'),
            (5, "write an IANA name"),
        ):
            (told,) = self.told(cipher_suites=[written])
            self.assertTrue(told.startswith(".cipher_suites[0]: "), told)
            self.assertIn(f"is not a cipher suite of TLS 1.2; {said}", told)

    def test_protocols(self) -> None:
        """A protocol's name has 1 to 255 bytes."""
        for where in ("inbounds", "outbounds"):
            for written in ("", "x" * 256, "é" * 128, 5):
                (told,) = self.told(where, alpn=[written])
                self.assertTrue(told.startswith(".alpn[0]: "), told)
                self.assertIn('write a text of 1 to 255 bytes, such as "h2"', told)
            self.assertEqual(self.told(where, alpn=["x" * 255, "é" * 127]), [])

    def test_alternative_names(self) -> None:
        """A subject alternative name has a kind and a name."""
        for written in ("carol@example.org", "email:", "IP:1.2.3.4", "DNS:é.example", 5):
            document: dict[str, Any] = full()
            document["inbounds"][1]["users"][1]["certificate_san"] = written
            (told,) = problems(document)
            self.assertTrue(told.startswith("inbounds[1].users[1].certificate_san: "), told)
            self.assertIn('write "DNS:alice.example.org", "email:alice@example.org"', told)


class TogetherTest(_DocumentCase):
    """Keys of TLS that don't go together."""

    def test_versions(self) -> None:
        """A lowest version above the highest is reported."""
        for where in ("inbounds", "outbounds"):
            (told,) = self.told(where, min_version="1.3", max_version="1.2", cipher_suites=[])
            self.assertTrue(told.startswith(": min_version is above max_version; "), told)

    def test_suites(self) -> None:
        """Suites of a version that is excluded are reported."""
        (told,) = self.told(min_version="1.3")
        self.assertTrue(told.startswith(": cipher_suites are for TLS 1.2, which min"), told)

    def test_certificates(self) -> None:
        """A server has a certificate and a key, or a list of these, and not both."""
        (told,) = self.told(key_path=None)
        self.assertEqual(
            told,
            ": key_path is missing; a server needs certificate_path and key_path, or certificates",
        )
        pair = {"certificate_path": "c", "key_path": "k"}
        (told,) = self.told(certificates=[pair])
        self.assertIn(": certificates stands instead of certificate_path and key_path; ", told)
        (told,) = self.told(certificate_path=None, key_path=None, certificates=[{"key_path": "k"}])
        self.assertEqual(told, ".certificates[0].certificate_path: this required key is missing")
        for keys in ({"certificates": [pair]}, {"enabled": False}):
            document: dict[str, Any] = full()
            del document["inbounds"][1]["users"]
            del document["route"]
            document["experimental"]["v2ray_api"]["stats"]["users"] = []
            document["inbounds"][1]["tls"] = keys
            self.assertEqual(problems(document), [])

    def test_revocation(self) -> None:
        """Nothing can be revoked where no certificates are asked for."""
        document: dict[str, Any] = full()
        del document["control"]["page"], document["metrics"]["tls"]["client_certificate_path"]
        document["metrics"]["tls"]["client_crl_path"] = "crl.pem"
        self.assertEqual(
            problems(document),
            [f"metrics.tls: {_NOTHING_TO_REVOKE}"],
        )

    def test_path(self) -> None:
        """A server at a path has no name but what is configured."""
        document: dict[str, Any] = full()
        document["outbounds"][0]["tls"] = {"enabled": True}
        (told,) = problems(document)
        self.assertTrue(told.startswith("outbounds[0]: tls has no server_name; write "), told)
        document["outbounds"][0]["tls"]["server_name"] = "server.example"
        self.assertEqual(problems(document), [])

    def test_descriptors(self) -> None:
        """Descriptors can't be passed through TLS."""
        for section, tls in (
            ("inbounds", {"certificate_path": "c", "key_path": "k"}),
            ("outbounds", {"enabled": True, "server_name": "server.example"}),
        ):
            document: dict[str, Any] = full()
            document[section][0].update(tls=tls, pass_descriptors=True)
            document["transfer"] = "kernel"
            self.assertIn(
                f"{section}[0]: pass_descriptors can't be used with tls: it has no room "
                "for descriptors; leave one of the two out",
                problems(document),
            )

    def test_nobody(self) -> None:
        """A user without anything to be known by is reported."""
        document: dict[str, Any] = full()
        document["inbounds"][1]["users"][1] = {"name": "carol"}
        (told,) = problems(document)
        self.assertIn("a user needs a uid, a gid, a certificate_name, a c", told)
