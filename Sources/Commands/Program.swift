import ArgumentParser
import Foundation
import Tensors

extension ParsableCommand {
  /// Runs the command with the words that the process was started with. What is unfinished is removed
  /// when a signal ends it.
  package static func start() {
    refuseWordsThatAreNoText()
    Interruption.removeUnfinishedAtSignals()
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch {
      exit(withError: fault(of: error))
    }
  }
}

/// Ends the process if a word of the command line is not UTF-8: as text it would be another word, and
/// the file of another name.
private func refuseWordsThatAreNoText() {
  for place in 1..<max(2, Int(CommandLine.argc)) {
    guard let word = CommandLine.unsafeArgv[place], String(validatingCString: word) == nil
    else { continue }
    let fault = Fault(
      String(cString: word), "this word of the command line is not UTF-8 text",
      remedy: "Rename the file, or give it by a link whose name is UTF-8")
    FileHandle.standardError.write(Data("Error: \(fault)\n".utf8))
    exit(1)
  }
}

/// An error of a file operation as a fault about the file; others as they are.
private func fault(of error: any Error) -> any Error {
  if let fault = error as? Fault { return Bundled.explained(fault) }
  let system = error as NSError
  guard system.domain == NSCocoaErrorDomain || system.domain == NSPOSIXErrorDomain else {
    return error
  }
  let file =
    system.userInfo[NSFilePathErrorKey] as? String
    ?? (system.userInfo[NSURLErrorKey] as? URL)?.path
  return Fault(
    file ?? "a file", "it cannot be read or written (\(reason(of: error)))",
    remedy: "Check the path, its permissions and the space on the disk")
}
