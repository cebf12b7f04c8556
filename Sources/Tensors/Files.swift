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
  do {
    return try Data(contentsOf: file, options: .mappedIfSafe)
  } catch {
    throw Fault(file.path, "the file cannot be read", remedy: "Check its permissions")
  }
}
