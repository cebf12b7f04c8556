import Foundation
import Figures
import Tensors
import TestFixtures
import Testing

private let codec = fixturesFolder.appending(path: "images/codec")

private func file(_ name: String) -> URL { codec.appending(path: name) }

/// Compares a decoded image with interleaved rows [H, W, 3] of whole samples.
private func expectEqual(_ image: Image, _ expected: NumericArray, white: Float) throws {
  let rows = expected.shape[0]
  let columns = expected.shape[1]
  #expect(image.pixels.shape == [3, rows, columns])
  let samples = try #require(expected.integers)
  var planes = [Float](repeating: 0, count: samples.count)
  for place in 0..<rows * columns {
    for channel in 0..<3 {
      planes[channel * rows * columns + place] = Float(samples[3 * place + channel]) / white
    }
  }
  // Counted, because a failed comparison of the arrays would print them.
  let differing = zip(image.pixels.values, planes).count { $0 != $1 }
  #expect(differing == 0, "samples differ")
}

/// The fault that reading some bytes or a file ends in.
private func fault(_ body: () throws -> Image) -> Fault? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? Fault
  }
}

@Suite struct PNGTests {
  @Test(arguments: [
    "grey1", "grey2", "grey4", "grey8", "grey-alpha8", "rgb8", "rgba8", "grey4-interlaced",
    "rgb8-interlaced", "palette1", "palette2", "palette4", "palette8", "palette1-transparent",
    "palette2-transparent", "palette4-transparent", "palette8-transparent",
  ])
  func equalsPillowSampleForSample(name: String) throws {
    let image = try readImage(file("\(name).png"))
    try expectEqual(image, NPY.read(file("\(name).npy")), white: 255)
  }

  @Test(arguments: ["grey16", "grey-alpha16", "rgb16", "rgba16", "rgb16-interlaced"])
  func sixteenBitsKeepFullPrecision(name: String) throws {
    let image = try readImage(file("\(name).png"))
    try expectEqual(image, NPY.read(file("\(name).npy")), white: 65535)
    #expect(image.source.bitDepth == 16)
  }

  @Test func reportsWhatTheFileWas() throws {
    let palette = try readImage(file("palette4.png")).source
    #expect(palette.colours == "palette")
    #expect(palette.bitDepth == 4)
    let interlaced = try readImage(file("rgb16-interlaced.png"))
    #expect(interlaced.summary == "13 × 11, PNG, 16 bit RGB, interlaced")
    #expect(try readImage(file("grey-alpha8.png")).source.colours == "grey and alpha")
  }

  @Test("the orientation in an eXIf chunk is obeyed, before the pixels or after", arguments: 1...8)
  func orientation(_ orientation: Int) throws {
    let name = "png-orientation\(orientation)"
    let image = try readImage(file("\(name).png"))
    try expectEqual(image, NPY.read(file("\(name).npy")), white: 255)
    #expect(image.source.orientation.rawValue == orientation)
    #expect(image.summary.contains("as its EXIF says") == (orientation != 1))
  }

  @Test("a label map is set upright as an image is")
  func orientationOfLabels() throws {
    let labels = (0..<35).map { UInt16($0 * 1800) }
    let plain = PNG.encode(labels: labels, width: 7, height: 5)
    // The chunk of orientation 6, a quarter clockwise, behind the header's 25 bytes.
    let turned = try readBytes(of: file("png-orientation6.png"))
    let start = try #require(Data(turned).range(of: Data("eXIf".utf8))).lowerBound - 4
    let length = Int(turned[start + 3]) + 12
    let bytes = Array(plain[..<33]) + turned[start..<start + length] + plain[33...]
    let decoded = try PNG.decodeLabels(bytes, name: "labels")
    #expect(decoded.shape == [7, 5])
    let expected = (0..<7).flatMap { x in (0..<5).reversed().map { y in Int(labels[y * 7 + x]) } }
    #expect(decoded.integers == expected)
  }

  @Test("an image whose 16-bit values use few bits is processed as it is, with a hint")
  func lowestBits() throws {
    let values = (0..<35).map { UInt16($0 * 117) }
    let image = try decodeImage(
      PNG.encode(labels: values, width: 7, height: 5), name: "microscope.png")
    #expect(image.pixels.values[34] == Float(3978) / 65535)
    #expect(
      image.hint
        == "the 16-bit values use only the lowest 12 bits (the greatest is 3978 of 65535), so the "
        + "network sees a dark image; if the camera has 12 bits, multiply the values by 16 first")
    #expect(try readImage(file("grey16.png")).hint == nil)
    #expect(try readImage(file("grey8.png")).hint == nil)
    #expect(Image.hint(bitDepth: 8, greatest: 0.01) == nil)
    #expect(Image.hint(bitDepth: 16, greatest: 0) == nil)
    #expect(PNG.bitDepth(of: try readBytes(of: file("grey16.png"))) == 16)
    #expect(PNG.bitDepth(of: try readBytes(of: file("ycc444.jpg"))) == 0)
  }

  @Test(arguments: ["grey1", "rgb16-interlaced", "palette4-transparent"])
  func everyTruncationIsAFault(name: String) throws {
    let whole = try readBytes(of: file("\(name).png"))
    for length in 0..<whole.count {
      let fault = fault { try decodeImage(Array(whole.prefix(length)), name: "cut.png") }
      #expect(fault != nil, "\(length) of \(whole.count) bytes were read as an image")
    }
  }

  @Test func everyFlippedByteIsReadOrRefused() throws {
    let whole = try readBytes(of: file("rgb8-interlaced.png"))
    for place in whole.indices {
      var damaged = whole
      damaged[place] ^= 0x55
      do { _ = try decodeImage(damaged, name: "damaged.png") } catch { #expect(error is Fault) }
    }
  }

  @Test func damageIsNamed() throws {
    var bytes = try readBytes(of: file("rgb8.png"))
    bytes[bytes.count - 20] ^= 0xff
    let fault = try #require(fault { try decodeImage(bytes, name: "x.png") })
    #expect(fault.problem.hasPrefix("the PNG is damaged ("))
  }

  @Test(arguments: ["too-wide.png", "too-many.png", "too-wide.jpg"])
  func hugeHeadersAreRefusedBeforeMemoryIsAskedFor(name: String) throws {
    let fault = try #require(fault { try readImage(file(name)) })
    #expect(fault.problem.contains("more than the limit of 50 megapixels"))
    #expect(fault.problem.contains(name == "too-many.png" ? "8000 × 8000" : "60000 ×"))
    #expect(fault.subject.hasSuffix(name))
    #expect(!fault.description.contains("\n"))
  }

  @Test func roundTripOfColours() throws {
    var raster = Raster(width: 17, height: 9)
    for y in 0..<9 {
      for x in 0..<17 { raster[x, y] = Colour(UInt8(x * 15), UInt8(y * 28), UInt8(x * y)) }
    }
    let bytes = PNG.encode(raster)
    #expect(Raster(try decodeImage(bytes, name: "made").pixels) == raster)
    #expect(try PNG.decodeRaster(bytes, name: "made") == raster)
    #expect(PNG.encode(raster) == bytes)
    // Nothing in the file but what an image needs.
    #expect(!String(decoding: bytes, as: UTF8.self).contains("tIME"))
  }

  @Test func rasterOfAGreyFile() throws {
    let grey = (0..<35).map { UInt8($0 * 7) }
    let bytes = PNG.encode(grey: grey, width: 7, height: 5)
    let raster = try PNG.decodeRaster(bytes, name: "grey")
    #expect(raster == Raster(try decodeImage(bytes, name: "grey").pixels))
    #expect(raster[3, 2] == Colour(17 * 7, 17 * 7, 17 * 7))
  }

  @Test func roundTripOfLabels() throws {
    let labels = (0..<35).map { UInt16($0 * 1800) }
    let decoded = try PNG.decodeLabels(
      PNG.encode(labels: labels, width: 7, height: 5), name: "labels")
    #expect(decoded == NumericArray([5, 7], .int32(labels.map(Int32.init))))
    let grey = (0..<35).map { UInt8($0 * 7) }
    let shallow = try PNG.decodeLabels(PNG.encode(grey: grey, width: 7, height: 5), name: "labels")
    #expect(shallow == NumericArray([5, 7], .int32(grey.map(Int32.init))))
    #expect(throws: Fault.self) {
      try PNG.decodeLabels(readBytes(of: file("rgb8.png")), name: "rgb8.png")
    }
  }
}

@Suite struct JPEGTests {
  @Test(arguments: ["grey", "ycc444", "ycc420", "ycc422", "progressive", "restarts"])
  func equalsPillowSampleForSample(name: String) throws {
    let image = try readImage(file("\(name).jpg"))
    try expectEqual(image, NPY.read(file("\(name).npy")), white: 255)
    #expect(image.source.colours == (name == "grey" ? "grey" : "YCbCr"))
    #expect(image.source.inPasses == (name == "progressive"))
  }

  @Test(arguments: 1...8)
  func exifOrientationIsObeyed(orientation: Int) throws {
    let image = try readImage(file("orientation\(orientation).jpg"))
    try expectEqual(image, NPY.read(file("orientation\(orientation).npy")), white: 255)
    #expect(image.source.orientation.rawValue == orientation)
  }

  @Test func senselessExifIsNoReasonToRefuse() throws {
    let whole = try readBytes(of: file("orientation6.jpg"))
    let start = try #require(Data(whole).range(of: Data("Exif".utf8))).lowerBound
    for place in start..<start + 30 {
      for value in [UInt8(0), 0x7f, 0xff] {
        var damaged = whole
        damaged[place] = value
        #expect(throws: Never.self) { try decodeImage(damaged, name: "odd.jpg") }
      }
    }
  }

  @Test(arguments: ["grey", "ycc420", "progressive", "orientation6"])
  func everyTruncationIsAFault(name: String) throws {
    let whole = try readBytes(of: file("\(name).jpg"))
    for length in 0..<whole.count {
      let fault = fault { try decodeImage(Array(whole.prefix(length)), name: "cut.jpg") }
      #expect(fault != nil, "\(length) of \(whole.count) bytes were read as an image")
    }
  }

  @Test func aHalfIsCalledCutShort() throws {
    let whole = try readBytes(of: file("ycc420.jpg"))
    let fault = try #require(
      fault { try decodeImage(Array(whole.prefix(whole.count * 3 / 4)), name: "half.jpg") })
    #expect(
      fault.description
        == "half.jpg: the JPEG is cut short. Copy the file again from its source.")
  }

  @Test func everyFlippedByteIsReadOrRefused() throws {
    let whole = try readBytes(of: file("progressive.jpg"))
    for place in whole.indices {
      var damaged = whole
      damaged[place] ^= 0x55
      do { _ = try decodeImage(damaged, name: "damaged.jpg") } catch { #expect(error is Fault) }
    }
  }

  @Test func printingInksAreRefusedInWords() throws {
    let fault = try #require(fault { try readImage(file("cmyk.jpg")) })
    #expect(fault.problem.contains("CMYK"))
    #expect(fault.remedy == "Convert it to RGB")
  }
}

@Suite struct BadFileTests {
  @Test func missingFolderEmptyAndText() throws {
    try withTemporaryFolder { folder in
      let missing = try #require(fault { try readImage(folder.appending(path: "none.png")) })
      #expect(missing.problem == "there is no such file")
      let directory = try #require(fault { try readImage(folder) })
      #expect(directory.problem == "this is a folder, not a file")
      let empty = folder.appending(path: "empty.png")
      try Data().write(to: empty)
      #expect(try #require(fault { try readImage(empty) }).problem == "the file is empty")
      let text = folder.appending(path: "text.png")
      try Data("Dear reader, this is no image.\n".utf8).write(to: text)
      let words = try #require(fault { try readImage(text) })
      #expect(words.problem == "this is text, not a PNG or JPEG image")
      #expect(words.subject == text.path)
    }
  }

  @Test func otherFormatsAreNamed() throws {
    let starts = ["GIF89a": "GIF", "BM....": "BMP", "II*\0..": "TIFF", "%PDF-1.7": "PDF"]
    for (start, name) in starts {
      let fault = try #require(fault { try decodeImage(Array(start.utf8) + [0, 1], name: "x") })
      #expect(fault.problem.contains(name))
    }
  }
}
