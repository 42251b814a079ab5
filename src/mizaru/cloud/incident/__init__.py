"""Findings that belong together in time and place become one incident.

The cloud's main loop, for one camera::

    engine = IncidentEngine(camera_id, new_id=new_id)
    for observation in stream:
        for change in engine.update(recognizer.observe(observation)):
            store_and_publish(change)
    for change in engine.finish(last_t_ms):
        store_and_publish(change)

and after the cloud was killed, with `through_ms` the time of the last observation whose
changes are in the store (kept in the same transaction as the changes themselves)::

    engine.restore(store.incidents_since(through_ms - memory_ms), through_ms)
    for observation in store.observations(through_ms - memory_ms, through_ms):
        engine.update(recognizer.observe(observation))       # says nothing: all is known
    …                                                        # and on with the stream

`memory_ms` is `mizaru.cloud.recognize.memory_ms(camera)`.
"""

from mizaru.cloud.incident.engine import IncidentEngine
from mizaru.cloud.incident.incident import ChangeKind, Incident, IncidentChange
from mizaru.cloud.incident.judgement import MAX_NOTE, Judgement, Verdict
from mizaru.cloud.incident.policy import POLICIES, Policy

__all__ = [
    "MAX_NOTE",
    "POLICIES",
    "ChangeKind",
    "Incident",
    "IncidentChange",
    "IncidentEngine",
    "Judgement",
    "Policy",
    "Verdict",
]
