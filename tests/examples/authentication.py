"""Users who may publish, and users who may read. Shown in the README."""

import asyncio

from router import AnnounceContext, Answer, CredentialsContext, OnAnnounce, OnCredentials, Server

PASSWORDS = {"camera": "secret", "anna": "hidden"}


class Doorman(OnCredentials, OnAnnounce):
    def on_credentials(self, context: CredentialsContext, /) -> str | None:
        return PASSWORDS.get(context.username)  # None: there is no such user

    def on_announce(self, context: AnnounceContext, /) -> Answer:
        return None if context.user == "camera" else 403


async def main() -> None:
    async with Server(handler=Doorman(), publish_port=5554, client_port=6554) as server:
        print("ready", server.publish_url, server.client_url, flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main())
