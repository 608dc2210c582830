"""
Processors whose `process` is a coroutine function, or an async generator function.

In the order in which to read:

    event_loop        the event loop, and the thread that runs it
    coroutine_stacks  where a coroutine waits
    loop_watch        says when a call blocks the loop
    async_call        one request under way
    async_parts       sends an answer in parts, and waits for room without a thread
    async_calls       takes requests and runs each as a task
"""
