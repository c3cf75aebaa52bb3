"""One threat to a contrast: two groups side by side, and whether it is there."""

from __future__ import annotations

from dataclasses import dataclass

from transforms.proportions import newcombe
from warehouse.threat_schemas import ABSENT, CANNOT_BE_TOLD, PRESENT

Counted = tuple[int, int]  # those with what is measured, and all


@dataclass(frozen=True)
class Threat:
    """A row of THREAT. ``compared`` stands against ``reference``: after against before, unless the threat says else."""

    threat_id: str
    level: str
    measure: str
    indicator_id: str | None = None
    scope_type: str = "overall"
    scope: str = "all"
    horizon: int | None = None
    unit: str | None = None
    n_reference: int | None = None
    n_with_reference: int | None = None
    reference: float | None = None
    n_compared: int | None = None
    n_with_compared: int | None = None
    compared: float | None = None
    contrast: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None


def of_shares(
    threat_id: str,
    measure: str,
    compared: Counted,
    reference: Counted,
    largest: float,
    *,
    indicator_id: str | None = None,
    scope_type: str = "overall",
    scope: str = "all",
    horizon: int | None = None,
) -> Threat:
    """Two shares of pathways: present where they differ by more than ``largest``; open where a group is empty.

    The interval is Newcombe's (1998). It takes no part in the verdict: a difference that chance made moves the
    contrast all the same.
    """
    (k1, n1), (k0, n0) = compared, reference
    difference = newcombe(k1, n1, k0, n0)
    apart = difference.estimate
    return Threat(
        threat_id,
        CANNOT_BE_TOLD if apart is None else PRESENT if abs(apart) > largest else ABSENT,
        measure,
        indicator_id=indicator_id,
        scope_type=scope_type,
        scope=scope,
        horizon=horizon,
        unit="pathway",
        n_reference=n0,
        n_with_reference=k0,
        reference=k0 / n0 if n0 else None,
        n_compared=n1,
        n_with_compared=k1,
        compared=k1 / n1 if n1 else None,
        contrast=apart,
        ci_low=difference.low,
        ci_high=difference.high,
    )
