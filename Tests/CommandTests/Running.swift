import Foundation
import TestSupport

/// What a command did.
struct Outcome {
  let code: Int32
  let output: String
  let errors: String

  /// The lines on standard error.
  var errorLines: [String] {
    errors.split(separator: "\n").map(String.init)
  }
}

/// Runs one of the package's commands as a user would.
///
/// - Parameter input: a file that it reads on standard input
func run(
  _ command: String, _ arguments: [String], shell prefix: String? = nil, input: URL? = nil
) throws -> Outcome {
  let process = Process()
  let executable = productsFolder.appending(path: command)
  if let prefix {
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", prefix + " exec \"$0\" \"$@\"", executable.path] + arguments
  } else {
    process.executableURL = executable
    process.arguments = arguments
  }
  let (output, errors) = (Pipe(), Pipe())
  process.standardOutput = output
  process.standardError = errors
  process.standardInput = try input.map(FileHandle.init(forReadingFrom:)) ?? .nullDevice
  try process.run()
  let text = output.fileHandleForReading.readDataToEndOfFile()
  let words = errors.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  return Outcome(
    code: process.terminationReason == .exit ? process.terminationStatus : -1,
    output: String(decoding: text, as: UTF8.self), errors: String(decoding: words, as: UTF8.self))
}

/// Where the commands were built: beside the test bundle.
private let productsFolder: URL = {
  let bundles = Bundle.allBundles.map(\.bundleURL).filter { $0.pathExtension == "xctest" }
  let bundle = bundles.first ?? URL(filePath: CommandLine.arguments[0]).standardizedFileURL
  return bundle.deletingLastPathComponent()
}()

/// The smallest image that has something on it.
let smallImage = fixturesFolder.appending(path: "golden/bundled/image.png")

/// A whole trace of the small image, made once; tests copy it before they damage it.
let smallTrace: URL = {
  let folder = FileManager.default.temporaryDirectory
    .appending(path: "maskrcnn-command-tests-\(ProcessInfo.processInfo.processIdentifier)")
  let outcome = try? run("maskrcnn", [smallImage.path, "--trace", folder.path])
  precondition(outcome?.code == 0, "no trace could be made: \(outcome?.errors ?? "")")
  return folder
}()

/// Runs something with a copy of the small trace.
func withCopyOfTrace<Result>(_ body: (URL) throws -> Result) throws -> Result {
  try withTemporaryFolder { folder in
    let copy = folder.appending(path: "trace")
    try FileManager.default.copyItem(at: smallTrace, to: copy)
    return try body(copy)
  }
}

/// Every file below a folder, with its size.
func contents(of folder: URL) -> [String: Int] {
  let names = FileManager.default.enumerator(atPath: folder.path)?.allObjects ?? []
  return Dictionary(
    uniqueKeysWithValues: names.compactMap { $0 as? String }.map { name in
      let attributes = try? FileManager.default.attributesOfItem(
        atPath: folder.appending(path: name).path)
      return (name, attributes?[.size] as? Int ?? -1)
    })
}
