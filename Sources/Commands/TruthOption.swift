import Annotations
import ArgumentParser
import Foundation

/// The objects that there are in a trace's image.
struct TruthOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The true objects: a label map (a grey PNG of 8 or 16 bits, 0 for the background, a number per "
        + "object) or annotations in COCO's JSON format. Default: the trace's, or the bundled labels "
        + "where the trace is of the bundled image.",
      valueName: "file"))
  var truth: String?
}

/// Which image of a COCO file the truth is about; `run` has it among the options of the masks.
struct TruthImageOption: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: """
      The image's id in COCO's file. Default: the image of the same file name, or of the number that \
      the name is, or the only one.
      """)
  var imageID: Int?
}

/// The class of the objects, where the truth does not give it.
struct TruthLabelOption: ParsableArguments {
  @Option(
    help: """
      The class of all true objects, by name or number. Default: what the annotations say; 1 for a \
      label map, which has no classes.
      """)
  var label: String?
}

/// What a command line says about the truth.
struct GivenTruth {
  var file: URL?
  var imageID: Int?
  var label: String?

  init(_ truth: TruthOption, imageID: Int? = nil, label: TruthLabelOption? = nil) {
    file = truth.truth.map { URL(fileURLWithPath: $0) }
    self.imageID = imageID
    self.label = label?.label
  }

  init() {}
}
