import Foundation

/// All bytes of a file that a user named.
///
/// - Throws: `Fault` that says whether the file is missing, a folder, or cannot be read.
public func readBytes(of file: URL) throws -> [UInt8] {
  [UInt8](try readData(of: file))
}

/// The contents of a file that a user named, mapped into memory where the system can.
///
/// - Throws: `Fault` that says whether the file is missing, a folder, or cannot be read.
public func readData(of file: URL) throws -> Data {
  var isFolder: ObjCBool = false
  guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder) else {
    throw Fault(file.path, "there is no such file", remedy: "Check the path")
  }
  guard !isFolder.boolValue else {
    throw Fault(file.path, "this is a folder, not a file", remedy: "Name a file in it")
  }
  // What is read may be read again, by this process or a later one.
  var status = stat()
  if stat(file.path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
    throw Fault(
      file.path, "this is a pipe or a device, from which a file cannot be read twice",
      remedy: "Save what comes from it as a file, and name that")
  }
  do {
    return try Data(contentsOf: file, options: .mappedIfSafe)
  } catch {
    throw Fault(
      file.path, "the file cannot be read (\(reason(of: error)))",
      remedy: "Check its permissions and the disk")
  }
}
