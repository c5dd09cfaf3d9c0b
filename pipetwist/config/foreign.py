"""Recognises configurations that are another program's, or in another language than JSON, so that
people read what they have in hand, and where it is explained how the two work together.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pipetwist.inbounds.registry import INBOUNDS
from pipetwist.outbounds.registry import OUTBOUNDS
from pipetwist.values import quote

__all__ = ["equivalent", "format_of", "program_of"]

_LOOKED_AT = 1 << 16  # characters, in which there is something else than comments
_COMMENT = re.compile(r"\s*(?:(?:#|;|//)[^\n]*)?(?:\n|\Z)")
_ELSE = "pipetwist reads JSON: docs/configuration.md has its keys, pipetwist init writes an example"
_FORMATS = {
    re.compile(r"\[(Unit|Service|Socket|Install|Timer|Path|Mount)\]"): (
        "this is a systemd unit; its ExecStart= names the file that pipetwist reads: "
        "docs/running.md, section systemd"
    ),
    re.compile(
        r"(global|defaults([ \t]+\w\S*)?|(frontend|backend|listen|peers|resolvers|userlist|cache|"
        r"mailers|program|ring)[ \t]+\w\S*([ \t]+\S*:\d+)?)[ \t]*(#[^\n]*)?\n"
    ): f"this is a configuration of HAProxy; {_ELSE}",
    re.compile(
        r"(http|stream|events|server|upstream[ \t]+\S+)\s*\{|"
        r"(user|worker_processes|load_module|error_log|pid|include)[ \t]+[^\n{}=:]*;"
    ): f"this is a configuration of nginx; {_ELSE}",
    re.compile(r"((\$|sudo|exec|nohup)[ \t]+)*([\w.~/-]*/)?(socat|ncat|nc)[ \t]+\S"): (
        "this is a command line; an inbound and an outbound of pipetwist do what socat's two "
        f"addresses do. {_ELSE}"
    ),
    re.compile(r"-----BEGIN "): (
        "this is a certificate or a key; a configuration names it in tls.certificate_path or "
        f"tls.key_path. {_ELSE}"
    ),
    re.compile(r"(vless|vmess|trojan|ss|ssr|hysteria2?|hy2|tuic)://"): (
        "this is a link for clients of V2Ray, Xray or sing-box, which pipetwist is none of: it "
        "carries their connections, as in etc/v2ray/README.md"
    ),
    re.compile(r"<[!?a-zA-Z]"): f"this is HTML or XML; {_ELSE}",
    re.compile(
        r"\[{1,2}[\w.\"-]+\]{1,2}[ \t]*(#[^\n]*)?\n\s*([\w.\"-]+[ \t]*=|\[)|[\w.-]+[ \t]*=[ \t]*\S"
    ): 'this is TOML or INI; pipetwist reads JSON: write {...} around it, "key": value in it',
    re.compile(r"---[ \t]*\n|%YAML|[\w$.-]+:([ \t]+[^\n]*)?(\n|\Z)|-[ \t]+[\w\"']"): (
        "this is YAML; pipetwist reads JSON: write {...} and [...] around objects and lists, and "
        '"key": value in them'
    ),
}

_OF_V2RAY = ("routing", "policy", "api", "stats", "inboundDetour", "transport", "observatory")
_ONLY_XRAY = re.compile(
    r"realitySettings|xtlsSettings|xhttpSettings|splithttpSettings|rawSettings|statsUserOnline"
)
_XRAY_LISTEN = re.compile(r"[/@].*,0?[0-7]{3}")
_OF_SHADOWSOCKS = ("server", "server_port", "password", "method")
_SING_BOX_TYPES = {
    "anytls", "block", "direct", "dns", "http", "hysteria", "hysteria2", "mixed", "naive",
    "redirect", "selector", "shadowsocks", "shadowsocksr", "shadowtls", "socks", "ssh", "tor",
    "tproxy", "trojan", "tuic", "tun", "urltest", "vless", "vmess", "wireguard",
}  # fmt: skip


def format_of(text: str) -> str | None:
    """Say which other format a text has that is not JSON; None if it could be meant to be JSON."""
    text = text[:_LOOKED_AT].replace("\r\n", "\n")
    begin = 0
    while begin < len(text) and (comment := _COMMENT.match(text, begin)) is not None:
        begin = comment.end()
    return next((said for form, said in _FORMATS.items() if form.match(text, begin)), None)


def program_of(raw: object) -> str | None:
    """Say which other program's configuration a document is; None if it may be pipetwist's.

    Args:
        raw: the document as it was written.
    """
    if not isinstance(raw, dict):
        return None
    listed = list(_entries(raw))
    found = listed or [raw]  # which may be one entry alone
    if any(entry.get("type") in (*INBOUNDS.types(), *OUTBOUNDS.types()) for entry in found):
        return None
    if _is_of_v2ray(raw, listed):
        return _v2ray_or_xray(raw, found)
    if not listed and sum(key in raw for key in _OF_SHADOWSOCKS) > 2:
        return (
            "this is a configuration of shadowsocks; pipetwist runs its plug-ins, and is "
            "configured in a file of its own: etc/simple-obfs/README.md, etc/v2ray-plugin/README.md"
        )
    types = [entry.get("type") for entry in found]
    of_sing_box = bool(types) and all(
        isinstance(type_, str) and type_ in _SING_BOX_TYPES for type_ in types
    )
    if of_sing_box or _has_section_of_sing_box(raw):
        return (
            "this is a configuration of sing-box, which is a proxy; pipetwist carries its "
            "connections, and is configured in a file of its own: etc/sing-box/README.md"
        )
    return None


def _is_of_v2ray(raw: Mapping[str, object], listed: Iterable[Mapping[str, object]]) -> bool:
    if any(isinstance(entry.get("protocol"), str) for entry in listed) or (
        isinstance(raw.get("protocol"), str) and ("settings" in raw or "streamSettings" in raw)
    ):
        return True
    if any(isinstance(server, str) for server in _dns_servers(raw)):
        return True
    is_untyped = not any("type" in entry for entry in listed)
    return sum(key in raw for key in _OF_V2RAY) > 1 or ("routing" in raw and is_untyped)


def _has_section_of_sing_box(raw: Mapping[str, object]) -> bool:
    """Whether it has one as no other program has it: GOST and Docker have services, too."""
    entries = [*_dns_servers(raw)]
    for section in ("endpoints", "services"):
        value = raw.get(section)
        entries += value if isinstance(value, list) else ()
    return any(
        isinstance(entry, dict) and isinstance(entry.get("type"), str) for entry in entries
    ) or any(isinstance(raw.get(section), dict) for section in ("ntp", "certificate"))


def _dns_servers(raw: Mapping[str, object]) -> list[object]:
    dns = raw.get("dns")
    servers = dns.get("servers") if isinstance(dns, dict) else None
    return servers if isinstance(servers, list) else []


def _v2ray_or_xray(raw: Mapping[str, object], found: Iterable[Mapping[str, object]]) -> str:
    of_v2ray = any("dsSettings" in str(entry.get("streamSettings")) for entry in found)
    of_xray = bool(_ONLY_XRAY.search(str(raw))) or any(
        isinstance(listen := entry.get("listen"), str) and _XRAY_LISTEN.fullmatch(listen)
        for entry in found
    )
    name, where = (
        ("V2Ray", "etc/v2ray/README.md")
        if of_v2ray
        else ("Xray", "etc/xray/README.md")
        if of_xray
        else ("V2Ray or Xray", "etc/v2ray/README.md, etc/xray/README.md")
    )
    return (
        f"this is a configuration of {name}; pipetwist carries its connections, and is configured "
        f"in a file of its own: {where}"
    )


def _entries(raw: Mapping[str, object]) -> Iterable[Mapping[str, object]]:
    for section in ("inbounds", "outbounds", "inbound", "outbound"):
        value = raw.get(section)
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict):
                yield entry


def equivalent(noun: str, written: Mapping[str, object]) -> str | None:
    """Say what an inbound or outbound of sing-box is called here; None if its type is no such one.

    Args:
        noun: ``inbound`` or ``outbound``.
        written: its keys.
    """
    type_ = written.get("type")
    if noun == "inbound":
        return (
            '"direct" of sing-box is "tcp" or "udp" here; where its connections go is an '
            'outbound with "server" and "server_port"'
            if type_ == "direct"
            else None
        )
    match type_:
        case "direct":
            server = written.get("override_address", "HOST")
            port = written.get("override_port", "PORT")
            return (
                '"direct" of sing-box, with its override_address and override_port, is written '
                f'"type": "tcp", "server": {quote(server)}, "server_port": {quote(port)} here'
            )
        case "block":
            return '"block" of sing-box is the "action": "reject" of a rule here'
        case "socks" | "http":
            server = written.get("server", "HOST")
            port = written.get("server_port", "PORT")
            return (
                f'"{type_}" of sing-box, a proxy, is written "type": "tcp", "via": '
                f'{{"type": "{type_}", "server": {quote(server)}, "server_port": {quote(port)}}} '
                "here, beside the server that it leads to"
            )
        case _:
            return None
