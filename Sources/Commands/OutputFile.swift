import Foundation
import Tensors

/// The file that a command writes its result to, checked before minutes are spent on it.
///
/// - Parameter option: the option that names the file, for the error
/// - Throws: `Fault` if it is a folder, or there is no folder for it.
func outputFile(_ path: String, option: String) throws -> URL {
  let file = URL(fileURLWithPath: path)
  let folder = file.deletingLastPathComponent().path
  var isFolder: ObjCBool = false
  if FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder), isFolder.boolValue {
    throw Fault(path, "this is a folder, not a file", remedy: "Name a file in it with \(option)")
  }
  guard FileManager.default.isWritableFile(atPath: folder) else {
    throw Fault(
      path, "the folder \(folder) is not there or cannot be written to",
      remedy: "Name a file in another folder with \(option)")
  }
  return file
}
