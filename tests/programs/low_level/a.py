# No processor at all: threads of the user's own that read and write.
import threading

import allspark


def answer(msg):
    if not msg.isdigit():
        raise ValueError('not a number: %r' % msg)
    return str(int(msg) ** 2).encode()


def serve(queued):
    while True:
        msg = queued.read()
        try:
            rsp = answer(msg)
        except ValueError as e:
            queued.error(500, str(e).encode())
        else:
            queued.write(rsp)


if __name__ == '__main__':
    context = allspark.Context(4)
    queued = context.queued_service()
    workers = [threading.Thread(target=serve, args=(queued,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
