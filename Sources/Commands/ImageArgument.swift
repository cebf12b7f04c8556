import ArgumentParser
import Foundation

/// The image that a command may be given in place of a trace.
struct ImageArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "A PNG or JPEG image to begin with, at stage 0.", valueName: "image"))
  var path: String?

  var file: URL? { path.map { URL(fileURLWithPath: $0) } }
}
