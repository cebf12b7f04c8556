import Stage0Input
import Stage2Anchors
import Stage3Proposals
import Stage4RoI
import Stage5Heads
import Stage7Targets
import Stage8Losses

/// A mistake that people make when they build or run a Mask R-CNN. Each is one option of one stage
/// set wrongly, so a trace made with it shows what the mistake does, and where it begins.
public enum Mistake: String, CaseIterable, Sendable {
  /// RoIAlign takes off half a cell, for weights that were trained without.
  case halfPixel = "half-pixel"
  /// Blue where the weights expect red.
  case bgr
  /// Intensities of 0...1 where the weights expect normalised ones.
  case noNormalise = "no-normalise"
  /// The anchors of P4 lie half as far apart as its cells.
  case wrongStride = "wrong-stride"
  /// dy dx dh dw where the weights mean dx dy dw dh.
  case swappedXY = "swapped-xy"
  /// The mask head's parameters are random: they were never loaded.
  case unloadedHead = "unloaded-head"
  /// The box head's targets are not multiplied by the weights that its predictions are divided by.
  case unweightedDeltas = "unweighted-deltas"
  /// The mask loss is taken over the masks of all classes.
  case allClassesMask = "all-classes-mask"

  /// The stage in which it is made, and the first whose tensors are wrong.
  public var stage: String {
    switch self {
    case .halfPixel: RoIStage.name
    case .bgr, .noNormalise: InputStage.name
    case .wrongStride: AnchorsStage.name
    case .swappedXY: ProposalsStage.name
    case .unloadedHead: HeadsStage.name
    case .unweightedDeltas: TargetsStage.name
    case .allClassesMask: LossesStage.name
    }
  }

  /// Whether it is made in training: it changes no detection, and shows only where the truth is
  /// known.
  public var isInLearning: Bool { self == .unweightedDeltas || self == .allClassesMask }

  /// What is done wrongly, in one sentence.
  public var title: String {
    switch self {
    case .halfPixel: "RoIAlign takes off half a cell, and the weights were trained without."
    case .bgr: "The network reads blue, green, red, and the weights expect red, green, blue."
    case .noNormalise: "The image goes in as 0...1, and the weights expect it normalised."
    case .wrongStride: "P4 has a cell every 16 input pixels, and its anchors lie 8 apart."
    case .swappedXY: "Deltas are read as dy dx dh dw, and the weights mean dx dy dw dh."
    case .unloadedHead: "The mask head's parameters are random, as if they had not been loaded."
    case .unweightedDeltas:
      "The box head's targets are not multiplied by 10 10 5 5, and its deltas are divided by them."
    case .allClassesMask: "The mask loss is taken over the masks of all classes, not the own one."
    }
  }

  /// What to look at.
  public var symptom: String {
    switch self {
    case .halfPixel:
      "4-roi/figures/roi-best.png: RoIAlign's bins lie on the box, which looks better. But these "
        + "weights learned to read half a cell further to the lower right. Read further to the upper "
        + "left, an object appears further to the lower right, and there boxes and masks are drawn. "
        + "About as many detections, about as sure: only overlaps (IoU) tell."
    case .bgr:
      "0-input/figures/channels.png: the first channel is called blue, and has red's mean. Nothing "
        + "fails; 6-masks/figures/overlay.png has other objects, more or fewer of them."
    case .noNormalise:
      "0-input/figures/channels.png: no channel goes below 0, and the greatest is 1. In "
        + "6-masks/figures/overlay.png the brightest objects are left, with lower scores."
    case .wrongStride:
      "2-anchors/figures/objectness.png: P4's map covers the upper left quarter of the image. In "
        + "6-masks/figures/overlay.png the large objects outside that quarter are missing, where "
        + "no other level has anchors of their size."
    case .swappedXY:
      "3-proposals/figures/proposals.png: objects that are wider than high have proposals that are "
        + "higher than wide, stacked on each other, and others have none. The box head mends what "
        + "it is given, so that fewer detections are the only trace of it at the end."
    case .unloadedHead:
      "5-heads/figures/masks.png: masks of noise. Boxes, classes and scores are right to the last "
        + "bit, so no count and no score tells."
    case .unweightedDeltas:
      "8-losses/figures/losses.png: the box loss of a network that was trained with the weights is "
        + "many times as large. Trained so, its loss looks small instead, and boxes hardly move: a "
        + "delta of 0.1, a tenth of the box, is read as a hundredth."
    case .allClassesMask:
      "8-losses/figures/losses.png: the mask loss is larger. Detections are the same. Trained so, the "
        + "classes compete for pixels, as with a softmax over classes, which costs mask AP (paper, "
        + "table 2b)."
    }
  }

  /// Why people make it, and how they find it.
  public var explanation: String {
    switch self {
    case .halfPixel:
      "RoIAlign came without the half cell; detectron2 brought it in, and torchvision has it as "
        + "aligned, off by default. Weights learn to expect either. Hold the features of one RoI "
        + "against those of the library that trained the weights."
    case .bgr:
      "OpenCV reads BGR, PIL and most others RGB, and Caffe's weights want BGR. The shapes are the "
        + "same and a grey image shows no difference. Look at one pixel of a known colour in the "
        + "tensor that the network reads."
    case .noNormalise:
      "The transform of the training pipeline was left out at inference, or 0...255 was divided by "
        + "255 and that taken for normalising. Print the least and the greatest value of the network's "
        + "input: a normalised image has values well below 0, one that was forgotten lies in 0...1."
    case .wrongStride:
      "Strides are written in a configuration, and the trunk was changed: a dilated last stage, one "
        + "level more or fewer. Take strides from the shapes, input over map, or draw the anchors "
        + "of the last cell: it lies at the lower right corner of the image."
    case .swappedXY:
      "matterport's and TensorFlow's boxes are y1 x1 y2 x2, everybody else's x1 y1 x2 y2, and "
        + "deltas follow. Square things on the diagonal hide it. Decode one delta by hand on an "
        + "object that is much longer than high."
    case .unloadedHead:
      "The head was replaced for another number of classes, or `strict=False` swallowed the names "
        + "that did not fit. Print the missing and unexpected names that loading returns, and look "
        + "at masks: box figures stay as they were."
    case .unweightedDeltas:
      "The weights are in the box coder of one side, and encoding was written by hand on the other. "
        + "Encode a box, decode it again, and see that it is the same box."
    case .allClassesMask:
      "binary_cross_entropy_with_logits takes the whole output [P, K, 28, 28] as gladly as one "
        + "channel of it, and the loss falls as it should. Count the elements of the mean: P times "
        + "784, not P times K times 784."
    }
  }
}
