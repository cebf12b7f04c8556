import Foundation
import Tensors
import Testing

@Suite("NumPy files")
struct NPYTests {
  static let integers = [-3, -2, -1, 0, 1, 2]
  static let floats = integers.map { Float($0) / 4 }

  /// The files of `Fixtures/arrays` and what NumPy put in them.
  static let arrays: [(name: String, array: NumericArray)] = [
    ("float32", NumericArray([2, 3], .float32(floats))),
    ("float16", NumericArray([2, 3], .float16(floats))),
    ("int32", NumericArray([2, 3], .int32(integers.map(Int32.init)))),
    ("int64", NumericArray([2, 3], .int64(integers.map(Int64.init)))),
    ("uint8", NumericArray([2, 3], .uint8([250, 251, 252, 253, 254, 255]))),
    ("bool", NumericArray([2, 3], .bool(integers.map { $0 > 0 }))),
    ("scalar", NumericArray([], .float32([1.5]))),
    ("vector", NumericArray([4], .float32([0, 1, 2, 3]))),
    ("empty", NumericArray([0, 3], .float32([]))),
    ("version2", NumericArray([2, 3], .float32(floats))),
  ]

  @Test("reads what NumPy wrote", arguments: arrays.indices)
  func reads(index: Int) throws {
    let (name, array) = NPYTests.arrays[index]
    #expect(try NPY.read(fixture("arrays/\(name).npy")) == array)
  }

  @Test("writes the bytes that NumPy writes", arguments: arrays.indices)
  func writes(index: Int) throws {
    let (name, array) = NPYTests.arrays[index]
    let bytes = NPY.encode(array)
    #expect(try NPY.decode(bytes, name: name) == array)
    if name != "version2" {
      #expect(bytes == Array(try Data(contentsOf: fixture("arrays/\(name).npy"))))
    }
  }

  @Test(
    "refuses what it would misread",
    arguments: [("fortran", "Fortran order"), ("big_endian", ">f4"), ("complex", "<c8")])
  func refuses(name: String, word: String) throws {
    let error = #expect(throws: Fault.self) { try NPY.read(fixture("arrays/\(name).npy")) }
    #expect(error?.description.contains(word) == true)
  }

  @Test("a file that is cut short is a fault at every length", arguments: arrays.indices)
  func cutShort(index: Int) throws {
    let bytes = NPY.encode(NPYTests.arrays[index].array)
    for length in 0..<bytes.count {
      #expect(throws: Fault.self) { try NPY.decode(Array(bytes[..<length]), name: "cut") }
    }
  }

  @Test("a missing file and a folder are faults that say so")
  func missing() {
    let missing = #expect(throws: Fault.self) { try NPY.read(fixture("arrays/none.npy")) }
    #expect(missing?.problem == "there is no such file")
    let folder = #expect(throws: Fault.self) { try NPY.read(fixture("arrays")) }
    #expect(folder?.problem == "this is a folder, not a file")
  }
}
