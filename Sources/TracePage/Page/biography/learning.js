'use strict';

/**
 * What training would have made of a candidate: the steps that follow its life where the truth is
 * known. They have the form of `Life`'s steps. Every number comes from the trace.
 */
const Learning = (() => {
  const {many} = Numbers;
  const num = (value) => Life.number(value);

  async function load(content) {
    const names = ['anchors', 'anchor-values', 'rois', 'roi-values'];
    const [anchors, anchorValues, rois, roiValues] = await Promise.all(
      names.map(async (name) => (await Page.array(`learning/${name}`)).values));
    return {
      ...content, anchors, anchorValues, rois, roiValues, classNames: Heads.named(content.classNames),
    };
  }

  /** The steps of a candidate; none where the trace has no targets. */
  function tell({ledger, learning}, place) {
    if (!learning) return [];
    const steps = [anchor(ledger, learning, place)];
    const proposal = ledger.proposalOf[place];
    if (proposal < 0 || 4 * proposal >= learning.rois.length) return steps;
    steps.push(roi(ledger, learning, place, proposal));
    const sampled = learning.rois[4 * proposal + 2] >= 0;
    if (sampled && learning.total !== null) steps.push(cost(learning, proposal));
    if (sampled && learning.gradientOf !== null) steps.push(gradient(learning, proposal));
    return steps;
  }

  function overlap(object, iou) {
    return object < 0 ? 'It overlaps no object.'
      : `Of the objects in the image it overlaps object ${object} most, with an IoU of ${num(iou)}.`;
  }

  function anchor(ledger, learning, place) {
    const [object, label, flags] = learning.anchors.subarray(3 * place, 3 * place + 3);
    const [iou, objectness, box] = learning.anchorValues.subarray(3 * place, 3 * place + 3);
    const [positive, negative] = learning.anchorThresholds.map(num);
    const isSampled = flags % 2 === 1;
    const says = [overlap(object, iou)];
    if (label === 1) {
      says.push(flags >= 2 && iou < learning.anchorThresholds[0]
        ? 'No other anchor overlaps that object more, so it is positive in any case: it should have '
          + 'been called an object.'
        : `From ${positive} it is positive: it should have been called an object.`);
    } else {
      says.push(label === 0
        ? `Below ${negative} it is negative: it should have been called background.`
        : `From ${negative} to ${positive} an anchor is ignored: nothing is asked of it.`);
    }
    says.push(isSampled
      ? `It is one of the ${many(learning.anchorsSampled)} anchors that were sampled`
        + (learning.total === null ? '.'
          : `, and adds ${num(objectness)} to the objectness loss`
            + (label === 1 ? ` and ${num(box)} to the RPN box loss.` : '.'))
      : `It is not one of the ${many(learning.anchorsSampled)} anchors that were sampled, so it has `
        + 'no loss.');
    return {
      key: 'anchorTarget', stage: '7-targets', title: 'In training: the anchor’s target', says,
      formulas: [], values: {object, label, iou, isSampled, objectness, box},
      boxes: [['anchor', Candidates.anchor(ledger, place).box]],
    };
  }

  function roi(ledger, learning, place, proposal) {
    const [object, label, sampled, own] = learning.rois.subarray(4 * proposal, 4 * proposal + 4);
    const iou = learning.roiValues[5 * proposal];
    const threshold = num(learning.roiThresholds[0]);
    const name = learning.classNames[own] ?? `class ${own}`;
    return {
      key: 'roiTarget', stage: '7-targets', title: 'In training: the proposal’s target',
      says: [
        overlap(object, iou),
        label === 1
          ? `From ${threshold} it is positive: it should become that object.`
          : `Below ${threshold} it is background.`,
        sampled < 0
          ? `It is not one of the ${many(learning.roisSampled)} RoIs that were sampled.`
          : `It is number ${sampled} of the ${many(learning.roisSampled)} sampled RoIs (counted from `
            + `0), and its class is ${name}.`,
      ],
      formulas: [], values: {object, label, iou, sampled, own},
      boxes: [['kept', Candidates.box(ledger, place)]],
    };
  }

  function cost(learning, proposal) {
    const [classes, box, mask] = learning.roiValues.subarray(5 * proposal + 1, 5 * proposal + 4);
    const isPositive = learning.rois[4 * proposal + 1] === 1;
    return {
      key: 'cost', stage: '8-losses', title: 'In training: what it costs',
      says: [isPositive
        ? 'Its part of the class, the box and the mask loss, of a total of '
          + `${num(learning.total)} over all anchors and RoIs.`
        : 'A background RoI has a class loss alone, no box and no mask to learn. The total over all '
          + `anchors and RoIs is ${num(learning.total)}.`],
      formulas: isPositive
        ? [`${num(classes)} + ${num(box)} + ${num(mask)} = ${num(classes + box + mask)}`]
        : [num(classes)],
      values: {classes, box, mask}, boxes: [],
    };
  }

  function gradient(learning, proposal) {
    const norm = learning.roiValues[5 * proposal + 4];
    return {
      key: 'gradient', stage: '9-gradients', title: 'In training: its gradient',
      says: [`The gradient of the losses (${learning.gradientOf}) at the features that the box head `
        + `reads of it has the norm ${num(norm)}. The RoI operator passes it on to the cells of the `
        + 'pyramid.'],
      formulas: [], values: {norm}, boxes: [],
    };
  }

  return {load, tell};
})();
