import os

from stellarindex_worker import PermanentFailure, stop_signal, work


def greet(job):
    name = job.payload.get("name")
    if name is None:
        raise PermanentFailure("payload /name is missing")
    greeting = f"Hello {name}\n"
    job.artifact("greeting.txt", f"memory:{job.id}", greeting)
    return {"characters": len(greeting)}


work(url=os.environ["CONTROL_URL"], key=os.environ["CONTROL_KEY"], kinds=["demo.greet"], handler=greet,
     stop=stop_signal())
