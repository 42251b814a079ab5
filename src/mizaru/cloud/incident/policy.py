"""When evidence becomes an incident: one row per risk behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from mizaru.cloud.recognize import TOLD_AT
from mizaru.vocabulary import RISK, Behavior, Severity

GAP_S: Final = 1.0
"""Evidence may be missing this long, seconds, before a behaviour has to begin anew: two
observations at 2 Hz, a flipped pose, a person hidden for a moment."""

LOOK_BACK_S: Final = 90.0
"""No cooldown reaches further back than a cloud that was killed looks, seconds: the least
`mizaru.cloud.recognize.memory_ms`."""

UPDATE_PERIOD_S: Final = 1.0
"""An incident is told as updated at most this often, seconds."""

CONFIDENCE_STEP: Final = 0.05
"""A rise of the confidence by this much is worth an update."""

MEASURE_RATIO: Final = 1.25
"""A measure that grew or shrank by this factor is worth an update."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How one behaviour is handled.

    Attributes:
        severity: of a new incident.
        open_at: least confidence to open, [0, 1]; at the default the recognizer decides, whose
            confidences are made for it …
        close_at: … and to go on; lower, so that an incident does not flicker.
        min_duration_s: evidence must last this long before the incident opens. The rules
            confirm a fall themselves; this guards against a rule that flickers.
        quiet_s: closes after this long without evidence.
        cooldown_s: for this long after closing, the same behaviour of the same subject or at
            the same place is the same incident going on, not a new one.
        joint: one incident for everybody in the same zone (or scene), whoever comes and goes.
        kin: words for one and the same event, the milder first, its own among them; empty: it
            has no other. Evidence of any of them at one place is one incident, which goes by
            the gravest word that has been confirmed.
        escalates_after_s: evidence over this long raises the severity; None: never.
        escalates_to: the raised severity.
    """

    severity: Severity
    open_at: float = TOLD_AT
    close_at: float = 0.35
    min_duration_s: float = 0.0
    quiet_s: float = 5.0
    cooldown_s: float = 20.0
    joint: bool = False
    kin: tuple[Behavior, ...] = ()
    escalates_after_s: float | None = None
    escalates_to: Severity = Severity.ALARM

    def __post_init__(self) -> None:
        if not 0.0 < self.close_at < self.open_at <= 1.0:
            raise ValueError(
                f"thresholds must satisfy 0 < close_at < open_at ≤ 1, got "
                f"{self.close_at}, {self.open_at}"
            )
        if min(self.min_duration_s, self.quiet_s, self.cooldown_s) < 0.0:
            raise ValueError("durations must be ≥ 0 s")
        if self.quiet_s < GAP_S:
            raise ValueError(f"quiet_s must be ≥ {GAP_S} s, got {self.quiet_s}")
        if self.quiet_s + self.cooldown_s > LOOK_BACK_S:
            raise ValueError(f"quiet_s + cooldown_s must be ≤ {LOOK_BACK_S} s")
        if RANK[self.escalates_to] < RANK[self.severity]:
            raise ValueError(f"{self.severity} cannot escalate to {self.escalates_to}")
        if self.kin and self.joint:
            raise ValueError("a joint policy has no kin: its incident is the zone's, not theirs")


RANK: Final[Mapping[Severity, int]] = MappingProxyType(
    {severity: rank for rank, severity in enumerate(Severity)}
)
"""Severities in order."""

FIGHT: Final = (Behavior.PUSH, Behavior.STRIKE, Behavior.BULLY)
"""A fight pushes and strikes within the same second, and bullying is made of both: three alarms
about it would be two too many."""

_NOTICE, _WARNING, _ALARM = Severity.NOTICE, Severity.WARNING, Severity.ALARM

POLICIES: Final[Mapping[Behavior, Policy]] = MappingProxyType(
    {
        # A fall and the long lie that may follow are two incidents: the second is the more
        # urgent, happens without a fall too, and must ring again where the first was
        # acknowledged. Docs: decisions/0005.
        Behavior.FALL: Policy(_ALARM, quiet_s=8.0, cooldown_s=20.0),
        Behavior.LONG_LIE: Policy(_ALARM, quiet_s=8.0, cooldown_s=60.0),
        # A push may be an accident and harms less often, but whoever falls by it rings as a fall.
        # Quiet and cooldown of the three are alike, since one incident may go by any of them;
        # blows come in bursts with breath between, hence 5 s and not one.
        Behavior.PUSH: Policy(_WARNING, kin=FIGHT),
        Behavior.STRIKE: Policy(_ALARM, min_duration_s=0.3, kin=FIGHT),
        # The recognizer counts over time before it says bullying, so that a second suffices.
        Behavior.BULLY: Policy(_ALARM, min_duration_s=1.0, quiet_s=10.0, kin=FIGHT),
        # Puffs come 20 to 40 s apart, so that less quiet would end it between two.
        Behavior.SMOKE: Policy(_NOTICE, min_duration_s=2.0, quiet_s=30.0, cooldown_s=60.0),
        Behavior.WAVE_FOR_HELP: Policy(_ALARM, min_duration_s=1.0, quiet_s=10.0),
        Behavior.INTRUDE: Policy(
            _WARNING, min_duration_s=0.5, cooldown_s=30.0, joint=True, escalates_after_s=60.0
        ),
        Behavior.LOITER: Policy(
            _NOTICE,
            min_duration_s=0.5,
            quiet_s=10.0,
            cooldown_s=60.0,
            joint=True,
            escalates_after_s=300.0,
            escalates_to=_WARNING,
        ),
        Behavior.CROWD: Policy(
            _NOTICE,
            min_duration_s=0.5,
            quiet_s=10.0,
            cooldown_s=60.0,
            joint=True,
            escalates_after_s=120.0,
            escalates_to=_WARNING,
        ),
    }
)
"""The default policies; every risk has one."""

if set(POLICIES) != RISK:
    raise RuntimeError(f"risks without a policy: {sorted(RISK - set(POLICIES))}")
