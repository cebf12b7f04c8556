import Foundation
import Tensors
import Testing
import WeightFiles

@Suite("Weight files that are none")
struct BadWeightFileTests {
  @Test(
    "a pickle that would run code is refused by the name of what it calls",
    arguments: [
      ("malicious_0.pth", "posix.system"), ("malicious_2.pth", "posix.system"),
      ("malicious_4.pth", "posix.system"), ("malicious_legacy.pth", "posix.system"),
      ("malicious_bare_0.pkl", "posix.system"), ("malicious_bare_4.pkl", "posix.system"),
      ("malicious_inst.pkl", "os.system"), ("malicious_eval.pkl", "builtins.eval"),
    ])
  func malicious(name: String, function: String) throws {
    let fault = try #require(try refusal(reading: name))
    #expect(fault.contains("wants to run code, \(function)"))
  }

  @Test(
    "other pickles are refused with a message",
    arguments: [
      ("whole_module.pth", "torch.nn.modules.linear.Linear"), ("no_tensors.pth", "epoch, names"),
      ("two_models.pth", "2 dictionaries of tensors in the file"),
      ("two_models.pth", "none is called model: critic, generator"),
      ("two_models.pth", "weights_only=False)[\"critic\"], new_path)"),
      ("two_models_counted.pth", "none is called model: critic, generator"),
      ("compressed.pth", "compressed"),
      ("opaque_inside.pth", "args among the tensors is Python's argparse.Namespace"),
      ("opaque_model.pth", "model is an object of Python's argparse.Namespace"),
      ("nan.safetensors", "w: bad holds NaN or infinity"),
      ("infinity.pth", "w: bad holds NaN or infinity"),
    ])
  func refused(name: String, words: String) throws {
    let fault = try #require(try refusal(reading: name))
    #expect(fault.contains(words), "\(fault)")
  }

  @Test(
    "formats of other tools are named, with a way to weights that can be read",
    arguments: [
      ([0x08, 0x08, 0x12, 0x07] + Array("pytorch".utf8), "an ONNX model", "weights=\"DEFAULT\""),
      (
        Array("<?xml version=\"1.0\"?><net name=\"m\" version=\"11\">".utf8), "an OpenVINO model",
        "weights=\"DEFAULT\""
      ),
      ([0x89] + Array("HDF\r\n\u{1a}\n".utf8), "HDF5 file, in which Keras", "weights=\"DEFAULT\""),
      ([0x1c, 0, 0, 0] + Array("TFL3".utf8), "a TensorFlow Lite model", "weights=\"DEFAULT\""),
    ])
  func otherFormats(bytes: [UInt8], format: String, remedy: String) throws {
    let fault = try #require(refusal(reading: Data(bytes)))
    #expect(fault.contains(format) && fault.contains(remedy), "\(fault)")
  }

  @Test("a TorchScript program and a detectron2 pickle are named")
  func otherTools() throws {
    let script = try Data(contentsOf: fixture("weight-files/script.pt"))
    #expect(refusal(reading: script)?.contains("torch.jit.load(path).state_dict()") == true)
    let detectron = try Data(contentsOf: fixture("weight-files/detectron2.pkl"))
    #expect(refusal(reading: detectron)?.contains("a model of detectron2") == true)
  }

  @Test("a small file cannot ask for unlimited memory")
  func viewBomb() throws {
    let data = try Data(contentsOf: fixture("weight-files/view_bomb.pth"))
    #expect(refusal(reading: data)?.contains("is missing") == true)
    // The same description in a file of the older format that does hold the storage.
    let legacy = try Data(contentsOf: fixture("weight-files/malicious_legacy.pth"))
    let start = try #require(data.firstRange(of: Data([0x80, 0x02])))
    let end = try #require(data.firstRange(of: Data("tRs.".utf8)))
    let head = try #require(legacy.lastRange(of: Data([0x80, 0x02])))
    var bomb = legacy[..<head.lowerBound] + data[start.lowerBound..<end.upperBound]
    bomb += Data([0x80, 0x02, 0x5d, 0x58, 1, 0, 0, 0, 0x30, 0x61, 0x2e])  // ["0"]
    bomb += Data([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    let words = try #require(refusal(reading: bomb))
    #expect(words.contains("w, [1000000000000], does not fit the storage"))
  }

  @Test("what failed downloads leave is told apart")
  func downloads() throws {
    #expect(refusal(reading: Data())?.contains("the file is empty") == true)
    for page in ["\n<!DOCTYPE html><html>", "<html lang=en>"] {
      #expect(refusal(reading: Data(page.utf8))?.contains("the file is a web page") == true)
    }
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 178000000\n"
    #expect(refusal(reading: Data(pointer.utf8))?.contains("git-lfs pointer") == true)
    #expect(refusal(reading: Data([0x1f, 0x8b, 8, 0]))?.contains("gzip") == true)
    #expect(refusal(reading: Data("hello, world".utf8))?.contains("not a weight file") == true)
    let missing = #expect(throws: Fault.self) { try WeightFile.read(fixture("no such file")) }
    #expect(missing?.problem == "there is no such file")
  }

  @Test("a file that is cut short says how much of it is there")
  func howMuch() throws {
    for (name, total) in [("plain.safetensors", 1110), ("legacy.pth", 1721)] {
      let data = try Data(contentsOf: fixture("weight-files/\(name)"))
      #expect(data.count == total)
      let fault = try #require(refusal(reading: data.dropLast(5)))
      #expect(fault.contains("cut short: \(total - 5) bytes of \(total)"), "\(fault)")
    }
    let zip = try Data(contentsOf: fixture("weight-files/zip.pth"))
    #expect(refusal(reading: zip.prefix(2000))?.contains("cut short: its 2000 bytes") == true)
  }

  static let whole = [
    "plain.safetensors", "zip.pth", "protocol4.pth", "legacy.pth", "checkpoint.pth",
    "checkpoint_legacy.pth",
  ]

  @Test("a file that is cut short is a fault at every length", arguments: whole)
  func cutShort(name: String) throws {
    let data = try Data(contentsOf: fixture("weight-files/\(name)"))
    #expect(refusal(reading: data) == nil)
    for length in 0..<data.count {
      if refusal(reading: data.prefix(length)) == nil {
        Issue.record("\(length) of \(data.count) bytes of \(name) were taken for a whole file")
      }
    }
  }

  @Test("a damaged byte is read or refused, and never a crash", arguments: whole)
  func damaged(name: String) throws {
    let data = try Data(contentsOf: fixture("weight-files/\(name)"))
    for place in data.indices {
      // One kind of damage per byte keeps this to seconds; neighbours get the other kinds.
      let kinds: [UInt8] = [0, 0x7f, 0xff, data[place] ^ 1, data[place] ^ 0x80]
      var damaged = data
      damaged[place] = kinds[place % kinds.count]
      _ = refusal(reading: damaged)
    }
  }

  @Test("a damaged element in a zip is noticed by its checksum")
  func checksum() throws {
    var data = try Data(contentsOf: fixture("weight-files/zip.pth"))
    let ramp = (0..<6).flatMap { index in
      withUnsafeBytes(of: Float(index) / 4) { Array($0) }
    }
    let place = try #require(data.firstRange(of: Data(ramp)))
    data[place.lowerBound + 5] ^= 0x40
    #expect(refusal(reading: data)?.contains("its checksum is wrong") == true)
  }

  @Test(
    "a header that lies is refused",
    arguments: [
      (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "needs 8"),
      (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, "impossible shape"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, "impossible shape"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, "impossible shape"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, "impossible shape"),
      (
        #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#,
        "impossible shape"
      ),
      (
        #"{"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,8]}}"#, "needs more"
      ),
      (#"{"a":{"dtype":"Q4","shape":[2],"data_offsets":[0,8]}}"#, "type Q4"),
      (
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
          + #""b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, "a and b overlap"
      ),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "4 bytes follow"),
      (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, "4 bytes before a are of no"),
      (
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
          + #""\u0061":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "the key a twice"
      ),
      (
        #"{"a":{"dtype":"F32","shape":[1],"shape":[2],"data_offsets":[0,8]}}"#,
        "the key shape twice"
      ),
      (
        #"{"l.weight":{"dtype":"I8","shape":[8],"data_offsets":[0,8]}}"#, "l.weight holds whole"
      ),
      (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#, "cut short"),
      (#"{"a":3}"#, "not the JSON"), (#"{"a":"#, "not the JSON"),
      (#"{"__metadata__":{"n":1}}"#, "not the JSON"),
      (
        #"{"a\nb":{"dtype":"F32","shape":[9],"data_offsets":[0,8]}}"#, "gives a b 8 bytes"
      ),
    ])
  func lyingHeader(header: String, words: String) throws {
    var data = Data()
    withUnsafeBytes(of: UInt64(header.utf8.count)) { data.append(contentsOf: $0) }
    data.append(Data(header.utf8))
    data.append(Data(count: 8))
    let fault = try #require(refusal(reading: data))
    #expect(fault.contains(words), "\(fault)")
  }

  @Test("a pickle that copies one list in call after call is refused")
  func copyingPickle() throws {
    // l = [() (), …]; OrderedDict(l), OrderedDict(l), …: each call would copy all pairs.
    var bytes: [UInt8] = [0x80, 2] + Array("ccollections\nOrderedDict\nq".utf8) + [0]
    bytes += Array("]q".utf8) + [1] + Array("(".utf8)
    for _ in 0..<300 { bytes += Array("))\u{86}".unicodeScalars.map { UInt8($0.value) }) }
    bytes += Array("e".utf8)
    for _ in 0..<300 { bytes += Array("h\0h".utf8) + [1] + [0x85] + Array("R0".utf8) }
    let fault = try #require(refusal(reading: Data(bytes + Array(".".utf8))))
    #expect(fault.contains("far more values"), "\(fault)")
  }

  /// A file of the older format: `body` is the pickled object, the storage "0" has `count` floats.
  private func legacy(_ body: [UInt8], count: UInt8) throws -> Data {
    let whole = try Data(contentsOf: fixture("weight-files/malicious_legacy.pth"))
    let head = try #require(whole.lastRange(of: Data([0x80, 0x02])))
    var file = whole[..<head.lowerBound] + Data(body)
    file += Data([0x80, 0x02, 0x5d, 0x58, 1, 0, 0, 0, 0x30, 0x61, 0x2e])  // ["0"]
    file += Data([count, 0, 0, 0, 0, 0, 0, 0])
    return file + Data(count: 4 * Int(count))
  }

  /// The storage "0" of `count` floats, as pickled.
  private func storage(_ count: UInt8) -> [UInt8] {
    var bytes: [UInt8] = Array("(X".utf8) + [7, 0, 0, 0] + Array("storage".utf8)
    bytes += Array("ctorch\nFloatStorage\nX".utf8) + [1, 0, 0, 0] + Array("0X".utf8)
    bytes += [3, 0, 0, 0] + Array("cpuK".utf8) + [count] + Array("NtQ".utf8)
    return bytes
  }

  /// A dictionary of `names` tensors, each rebuilt of what lies in the memo: 0 the function, 1 the
  /// storage, 2 the shape, 3 the strides.
  private func dictionary(_ names: Int, _ memo: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = [0x80, 2] + memo + Array("}(".utf8)
    for number in 0..<names {
      let name = "t\(number)"
      bytes += Array("X".utf8) + [UInt8(name.utf8.count), 0, 0, 0] + Array(name.utf8)
      bytes += Array("h\0(h".utf8) + [1] + Array("K\0h".utf8) + [2] + Array("h".utf8) + [3]
      bytes += Array("tR".utf8)
    }
    return bytes + Array("u.".utf8)
  }

  private let rebuild: [UInt8] = Array("ctorch._utils\n_rebuild_tensor\nq".utf8) + [0]

  @Test("one long tuple as the shape of many tensors is refused before it is copied")
  func ranks() throws {
    let ones = Array("(".utf8) + (0..<30_000).flatMap { _ in Array("K".utf8) + [1] }
    let memo =
      rebuild + storage(4) + Array("q".utf8) + [1] + ones + Array("tq".utf8) + [2] + ones
      + Array("tq".utf8) + [3]
    let fault = try #require(refusal(reading: legacy(dictionary(1000, memo), count: 4)))
    #expect(fault.contains("impossible shape"), "\(fault)")
  }

  @Test("many views that span a whole storage are refused")
  func spans() throws {
    // Two elements, 199 apart.
    let memo =
      rebuild + storage(200) + Array("q".utf8) + [1] + Array("K".utf8) + [2, 0x85]
      + Array("q".utf8) + [2] + Array("K".utf8) + [199, 0x85] + Array("q".utf8) + [3]
    let fault = try #require(refusal(reading: legacy(dictionary(1000, memo), count: 200)))
    #expect(fault.contains("far more memory than the file"), "\(fault)")
    #expect(refusal(reading: try legacy(dictionary(4, memo), count: 200)) == nil)
  }

  @Test("entries of a zip file that share bytes are refused")
  func sharedEntries() throws {
    let data = try Data(contentsOf: fixture("weight-files/no_tensors.pth"))
    // The sizes of the first entry in the directory become those of the whole file.
    let entry = try #require(data.firstRange(of: Data([0x50, 0x4b, 0x01, 0x02]))).lowerBound
    var file = data
    for (index, byte) in withUnsafeBytes(of: UInt32(data.count).littleEndian, Array.init)
      .enumerated()
    {
      file[entry + 20 + index] = byte
      file[entry + 24 + index] = byte
    }
    let fault = try #require(refusal(reading: file))
    #expect(fault.contains("overlap"), "\(fault)")
  }

  @Test("deep and endless pickles end in a fault")
  func deepPickles() {
    // A million nested tuples, nested lists, marks; a circle of a list in itself.
    for filler: [UInt8] in [[0x85], [0x5d, 0x61], [0x28], [0x32]] {
      var bytes: [UInt8] = [0x80, 2, 0x5d]
      for _ in 0..<1_000_000 / filler.count { bytes += filler }
      #expect(refusal(reading: Data(bytes + [0x2e])) != nil)
    }
    #expect(refusal(reading: Data([0x80, 2, 0x5d, 0x71, 0, 0x68, 0, 0x61, 0x2e])) != nil)
  }
}
