"""`[mail]`: the mail server, who we are to it, and how mails call this place."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import ConfigDict, Field, SecretStr, field_validator, model_validator

from ai_dataflow.config.addresses import is_address, page_url
from ai_dataflow.config.sections import Section

Tls = Literal["none", "starttls", "smtps"]
_PORTS: dict[Tls, int] = {"none": 25, "starttls": 587, "smtps": 465}
_HOST = re.compile(r"[A-Za-z0-9_.:-]+")
_NAME = re.compile(r"[\w .-]{0,30}")


class MailSettings(Section):
    """`[mail]`: without it, mails are written as `.eml` files into the project's folder.

    `tls` is STARTTLS, TLS from the first byte, or none; `port` follows from it. `environment` is a
    word in each subject, `ui_url` the older name of `[dagster] url`. What cannot be delivered for
    `expire_days` is given up. Digests go out at `digest_hour`, UTC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)

    host: str
    port: int = Field(default=0, ge=0, le=65535)
    tls: Tls = "starttls"
    user: str = ""
    password: SecretStr | None = None
    sender: str = Field(alias="from")
    timeout: int = Field(default=20, ge=1, le=120)
    environment: str = ""
    ui_url: str = ""
    expire_days: float = Field(default=3, gt=0, le=30)
    digest_hour: int = Field(default=6, ge=0, le=23)

    @field_validator("host")
    @classmethod
    def _is_host(cls, host: str) -> str:
        if not _HOST.fullmatch(host):
            raise ValueError("is no server's name: write it alone, as in smtp.example.org")
        return host

    @field_validator("sender")
    @classmethod
    def _is_address(cls, sender: str) -> str:
        if not (is_address(sender) and sender.isascii()):
            raise ValueError("is no mail address: write it alone, as in ai-dataflow@example.org")
        return sender

    @field_validator("environment")
    @classmethod
    def _is_word(cls, environment: str) -> str:
        if not _NAME.fullmatch(environment):
            raise ValueError("is no short name, such as prod: letters, digits, blanks, `_-.`")
        return environment

    @field_validator("ui_url")
    @classmethod
    def _is_url(cls, url: str) -> str:
        return page_url(url)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if bool(self.user) != bool(self.password and self.password.get_secret_value()):
            raise ValueError("needs both user and password, or neither")
        if self.user and self.tls == "none" and self.host not in ("127.0.0.1", "localhost", "::1"):
            raise ValueError("would send the password in clear: set tls to starttls or smtps")
        return self

    @property
    def server(self) -> tuple[str, int]:
        """Where the server answers."""
        return self.host, self.port or _PORTS[self.tls]
