import Foundation
import Tensors
import Testing
import WeightFiles

@Suite("Weight files")
struct WeightFileTests {
  /// What `tensors()` of `Fixtures/record/weight_files.py` makes.
  static let expected: [String: Tensor] = [
    "float": ramp([2, 3]), "half": ramp([5]), "bfloat": ramp([3, 2]), "double": ramp([4]),
    "long": Tensor([3], [0, 1, 2]), "scalar": Tensor([], [7]), "empty": Tensor([0, 3], []),
    "whole": ramp([4, 6]),
    "transposed": Tensor([6, 4], (0..<24).map { Float($0 % 4 * 6 + $0 / 4) / 4 }),
    "part": Tensor([2, 3], [8, 9, 10, 14, 15, 16].map { $0 / 4 }),
    "parameter": ramp([2, 2]),
  ]

  @Test(
    "all formats give the same tensors",
    arguments: [
      ("plain.safetensors", WeightFile.Format.safetensors), ("zip.pth", .torchZip),
      ("protocol4.pth", .torchZip), ("legacy.pth", .torchLegacy),
    ])
  func formats(name: String, format: WeightFile.Format) throws {
    let file = try WeightFile.read(fixture("weight-files/\(name)"))
    #expect(file.format == format)
    #expect(file.tensors.keys.sorted() == WeightFileTests.expected.keys.sorted())
    for (key, tensor) in WeightFileTests.expected {
      #expect(file.tensors[key] == tensor, "\(key)")
    }
    #expect(file.elementTypes.first == "float32" && file.elementTypes.count == 5)
  }

  @Test("the checksum is that of the file's bytes, as Python's zlib has it")
  func checksum() throws {
    #expect(
      try WeightFile.read(fixture("weight-files/plain.safetensors")).checksum == "0426a169")
    #expect(try WeightFile.read(fixture("weight-files/legacy.pth")).checksum == "7a7a5a8a")
    #expect(WeightFile(name: "seed 7", tensors: [:]).checksum == nil)
  }

  @Test("of a training checkpoint only the model is read")
  func checkpoint() throws {
    for name in ["checkpoint.pth", "checkpoint_legacy.pth"] {
      let file = try WeightFile.read(fixture("weight-files/\(name)"))
      #expect(file.tensors == ["weight": ramp([2, 3]), "bias": ramp([2])])
    }
  }

  @Test("objects beside the model are skipped, whatever they are", arguments: [2, 4])
  func opaque(protocol number: Int) throws {
    let file = try WeightFile.read(fixture("weight-files/opaque_beside_\(number).pth"))
    #expect(file.tensors == ["weight": ramp([2, 3]), "bias": ramp([2])])
  }

  @Test("a checkpoint of torchvision's training script is read: its arguments are a Namespace")
  func trainingScript() throws {
    let file = try WeightFile.read(fixture("model-files/training_script.pth"))
    #expect(file.tensors["backbone.body.conv1.weight"]?.shape == [2, 3, 7, 7])
    #expect(file.tensors.keys.allSatisfy { !$0.contains("momentum") })
  }

  @Test("safetensors metadata are read")
  func metadata() throws {
    let file = try WeightFile.read(fixture("weight-files/plain.safetensors"))
    #expect(file.metadata == ["class_names": "[\"a\", \"b\"]", "made by": "weight_files.py"])
  }

  @Test("what is written as safetensors is read again", arguments: [false, true])
  func roundTrip(half: Bool) throws {
    let metadata = ["a": "line\nbreak \"quoted\" / \u{e9}"]
    let data = try Safetensors.encode(
      WeightFileTests.expected, metadata: metadata, precision: half ? .float16 : .float32)
    let file = try WeightFile.decode(data, name: "written")
    #expect(file.tensors == WeightFileTests.expected)
    #expect(file.metadata == metadata)
    #expect(file.elementTypes == [half ? "float16" : "float32"])
    // The format's rules for writers: header padded, elements aligned, nothing behind them.
    let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    #expect(length % 8 == 0)
    let header = try #require(
      try JSONSerialization.jsonObject(with: data[8..<8 + length]) as? [String: Any])
    #expect(header.count == WeightFileTests.expected.count + 1)
    let entry = try #require(header["float"] as? [String: Any])
    #expect(entry["dtype"] as? String == (half ? "F16" : "F32"))
    #expect(entry["shape"] as? [Int] == [2, 3])
    let offsets = try #require(entry["data_offsets"] as? [Int])
    #expect(offsets.count == 2 && offsets[1] - offsets[0] == (half ? 12 : 24))
  }

  @Test("a value that the precision cannot hold is refused")
  func precision() throws {
    let large = ["w": Tensor([1], [70000])]
    #expect(throws: Fault.self) { try Safetensors.encode(large, precision: .float16) }
    #expect(throws: Never.self) { try Safetensors.encode(large) }
    #expect(throws: Fault.self) { try Safetensors.encode(["w": Tensor([1], [.nan])]) }
  }

  /// `MASKRCNN_WRITE=x.safetensors swift test …`, then `weight_files.py check x.safetensors`.
  @Test(
    "a file for Python to read",
    .enabled(if: ProcessInfo.processInfo.environment["MASKRCNN_WRITE"] != nil))
  func forPython() throws {
    let path = try #require(ProcessInfo.processInfo.environment["MASKRCNN_WRITE"])
    try Safetensors.write(
      WeightFileTests.expected, metadata: ["a": "b"], precision: .float16, to: URL(filePath: path))
  }
}
