"""How near a trace's decisions are to turning out otherwise.

Machines and libraries add in different orders, so logits, scores and boxes differ in the last bits.
Where two scores are nearly equal, or an IoU nearly is its threshold, such a bit decides, and
everything after it differs in a way that says nothing. A golden case must be free of such ties;
``measure`` says how far it is from each, ``LEAST`` how far it has to be.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torchvision.models.detection.roi_heads import expand_boxes
from torchvision.ops import box_iou

from operators_roi import level_margins
from torchvision_stages import Run

LEAST: Mapping[str, float] = {
    "preNMSTopN": 2e-5,
    "candidateOrder": 2e-5,
    "proposalOrder": 2e-5,
    "proposalScore": 2e-7,
    "proposalNMS": 1e-4,
    "proposalSuppressor": 2e-5,
    "proposalLimit": 2e-5,
    "proposalSide": 1e-3,
    "proposalLevel": 1e-5,
    "scoreThreshold": 1e-4,
    "detectionNMS": 1e-4,
    "detectionOrder": 1e-5,
    "detectionLimit": 1e-5,
    "detectionSide": 1e-3,
    "detectionLevel": 1e-5,
    "pasteTruncation": 1e-3,
    "softMask": 1e-5,
}
"""The least distance of each kind that a golden case must keep.

- ``preNMSTopN``: logits at the last place of a level's top and at the next
- ``candidateOrder``: logits of two candidates of a level's top that follow each other
- ``proposalOrder``, ``proposalScore``: logits, and scores, of proposals that follow each other
- ``proposalNMS``, ``detectionNMS``: the IoU that decided of each box, from the threshold
- ``proposalSuppressor``: logit of each suppressed candidate from that of what suppressed it
- ``proposalLimit``: logits at the limit of how many are kept, and after it
- ``detectionLimit``: likewise, scores
- ``proposalSide``, ``detectionSide``: sides in pixels from the least side
- ``proposalLevel``, ``detectionLevel``: the level before it is rounded down, from a whole number
- ``scoreThreshold``: class scores from the threshold
- ``detectionOrder``: scores of two detections that follow each other
- ``pasteTruncation``: grown boxes in pixels from a whole number
- ``softMask``: pasted masks from the threshold
"""

FAR = 1.0
"""The margin where nothing was decided."""


def _least(values: Tensor) -> float:
    return float(values.double().min()) if values.numel() else FAR


def _falling(scores: Tensor) -> float:
    """The least step from one score to the next in a falling sequence."""
    scores = scores.double()
    return _least(scores[:-1] - scores[1:])


def nms_margins(
    boxes: Tensor, scores: Tensor, groups: Tensor, threshold: float
) -> tuple[float, float, Tensor]:
    """Margins of a greedy suppression: of the IoU, of the scores; and the scores of what stays.

    A box stays if all IoU with earlier kept boxes are at most the threshold: its margin is how far
    the greatest is below it. It goes if one is greater: its margin is how far the greatest is
    above. The second margin is by how much a suppressor's score exceeds that of what it suppressed.
    """
    order = torch.sort(scores, descending=True, stable=True).indices
    boxes, scores, groups = boxes[order].double(), scores[order].double(), groups[order]
    iou = box_iou(boxes, boxes).nan_to_num(0) * (groups[:, None] == groups[None])
    kept: list[int] = []
    decision, gap = FAR, FAR
    for index in range(len(boxes)):
        overlaps = iou[index, kept]
        greatest = float(overlaps.max()) if kept else 0.0
        decision = min(decision, abs(greatest - threshold))
        if greatest > threshold:
            suppressors = torch.tensor(kept)[overlaps > threshold]
            gap = min(gap, float((scores[suppressors] - scores[index]).max()))
        else:
            kept.append(index)
    return decision, gap, scores[kept]


def _limit(scores: Tensor, limit: int) -> float:
    """How far the last score that a limit lets through is above the next."""
    return float(scores[limit - 1] - scores[limit]) if len(scores) > limit else FAR


def _candidate_margins(run: Run) -> dict[str, float]:
    limit = int(run["3-proposals"].options["preNMSTopN"])
    steps, orders = [], []
    for logits in run.all_logits.split(list(run.level_sizes)):
        best = logits.double().sort(descending=True).values
        steps.append(_limit(best, limit))
        orders.append(_falling(best[:limit]))
    return {"preNMSTopN": min(steps), "candidateOrder": min(orders)}


def _proposal_margins(run: Run) -> dict[str, float]:
    stage = run["3-proposals"]
    ends = torch.tensor(run.level_sizes).cumsum(0)
    boxes, logits = stage["candidates.boxes"], stage["candidates.logits"]
    levels = torch.bucketize(stage["candidates.index"], ends, right=True)
    sides = (boxes[:, 2:] - boxes[:, :2]).double()
    least = float(stage.options["minimumSize"])
    large = (sides >= least).all(dim=1)
    decision, gap, kept = nms_margins(
        boxes[large], logits[large], levels[large], float(stage.options["nmsThreshold"])
    )
    limit = int(stage.options["postNMSTopN"])
    return {
        "proposalOrder": _falling(kept[:limit]),
        "proposalScore": _falling(stage["scores"]),
        "proposalNMS": decision,
        "proposalSuppressor": gap,
        "proposalLimit": _limit(kept, limit),
        "proposalSide": _least((sides - least).abs()[sides > 0]),
        "proposalLevel": _level_margin(stage["proposals"]),
    }


def _level_margin(boxes: Tensor) -> float:
    """Distance from the next level; boxes beyond the first and last level do not count."""
    sides = (boxes[:, 2:].double() - boxes[:, :2].double()).clamp(min=1e-12)
    value = 4 + torch.log2(sides.prod(dim=1).sqrt() / 224)
    return _least(level_margins(boxes)[(value > 2.5) & (value < 5.5)])


def _detection_margins(run: Run) -> dict[str, float]:
    stage = run["5-heads"]
    threshold = float(stage.options["scoreThreshold"])
    scores = stage["class_scores"][:, 1:]
    count, classes = scores.shape
    chosen = (scores > threshold).reshape(-1)
    boxes = run.detection_boxes[:, 1:].reshape(-1, 4)[chosen]
    labels = torch.arange(classes).repeat(count)[chosen]
    decision, gap, kept = nms_margins(
        boxes, scores.reshape(-1)[chosen], labels, float(stage.options["nmsThreshold"])
    )
    sides = (boxes[:, 2:] - boxes[:, :2]).double()
    limit = int(stage.options["detectionsPerImage"])
    return {
        "scoreThreshold": _least((scores.double() - threshold).abs()),
        "detectionNMS": decision,
        "detectionOrder": min(gap, _falling(stage["scores"])),
        "detectionLimit": _limit(kept, limit),
        "detectionSide": _least((sides - float(stage.options["minimumSize"])).abs()),
        "detectionLevel": _level_margin(stage["boxes"]),
    }


def _mask_margins(run: Run) -> dict[str, float]:
    stage = run["6-masks"]
    side = stage["probabilities"].shape[-1]
    grown = expand_boxes(stage["boxes"].double(), (side + 2) / side)
    threshold = float(stage.options["threshold"])
    return {
        "pasteTruncation": _least((grown - grown.round()).abs()),
        "softMask": _least((stage["soft"].double() - threshold).abs()),
    }


def measure(run: Run) -> dict[str, float]:
    """All margins of a run, by the names of ``LEAST``; 1 where nothing was decided."""
    found = _candidate_margins(run) | _proposal_margins(run)
    found |= _detection_margins(run) | _mask_margins(run)
    return {name: found[name] for name in LEAST}


def clearness(margins: Mapping[str, float]) -> float:
    """The least margin, as a multiple of what is asked for: 1 or more is free of ties."""
    return min(margins[name] / LEAST[name] for name in LEAST)
