import Foundation
import Tensors
import Testing
import WeightFiles

/// A file in the package's `Fixtures` folder.
func fixture(_ path: String) -> URL {
  URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Fixtures").appending(path: path)
}

/// The fault that reading some bytes as weights ends with, on one line.
func refusal(reading data: Data) -> String? {
  do {
    _ = try WeightFile.decode(data, name: "w")
    return nil
  } catch let fault as Fault {
    #expect(!fault.description.contains("\n"))
    return fault.description
  } catch {
    Issue.record("not a Fault: \(error)")
    return nil
  }
}

/// The fault that reading a weight fixture ends with.
func refusal(reading name: String) throws -> String? {
  refusal(reading: try Data(contentsOf: fixture("weight-files/\(name)")))
}

/// 0, 1/4, 2/4, …: `ramp` of `Fixtures/record/weight_files.py`.
func ramp(_ shape: Shape) -> Tensor {
  Tensor(shape, (0..<shape.count).map { Float($0) / 4 })
}
