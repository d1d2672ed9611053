"""Waiting in background tasks."""

import asyncio


async def pause(seconds: float) -> None:
    """Sleeps; ends the task instead where it was cancelled before and a library it called swallowed that."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    await asyncio.sleep(seconds)
