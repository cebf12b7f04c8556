import ArgumentParser
import Foundation
import Tensors

extension ParsableCommand {
  /// Runs the command with the words that the process was started with. What is unfinished is removed
  /// when a signal ends it.
  package static func start() {
    refuseWordsThatAreNoText()
    Interruption.removeUnfinishedAtSignals()
    main()
  }
}

/// Ends the process if a word of the command line is not UTF-8: as text it would be another word, and
/// the file of another name.
private func refuseWordsThatAreNoText() {
  for place in 1..<max(1, Int(CommandLine.argc)) {
    guard let word = CommandLine.unsafeArgv[place], String(validatingCString: word) == nil
    else { continue }
    let fault = Fault(
      String(cString: word), "this word of the command line is not UTF-8 text",
      remedy: "Rename the file, or give it by a link whose name is UTF-8")
    FileHandle.standardError.write(Data("Error: \(fault)\n".utf8))
    exit(1)
  }
}
