import Annotations
import Figures
import Tensors
import Testing

@testable import Scenes

@Suite struct SceneShapeTests {
  private func shape(_ kind: SceneClass, radius: Float) -> SceneShape {
    SceneShape(
      kind: kind, x: 100.3, y: 99.6, radius: radius, slenderness: 0.12, cosine: 0.8, sine: 0.6)
  }

  @Test("each shape covers the area of its formula", arguments: SceneClass.allCases)
  func area(_ kind: SceneClass) {
    let radius: Float = 80
    let shape = shape(kind, radius: radius)
    var inside = 0
    for y in 0..<200 {
      for x in 0..<200 {
        let (u, v) = shape.local(Float(x) + 0.5, Float(y) + 0.5)
        let isInside = shape.distance(u, v) <= 0
        inside += isInside ? 1 : 0
        // What lies inside lies within reach.
        let reach = shape.reach
        let isNear =
          abs(Float(x) + 0.5 - shape.x) <= reach.x && abs(Float(y) + 0.5 - shape.y) <= reach.y
        #expect(isNear || !isInside)
      }
    }
    let square = radius * radius
    let expected: Float =
      switch kind {
      case .disc: .pi * square
      case .ring: .pi * (1 - 0.44 * 0.44) * square
      // An equilateral triangle with an inscribed circle of 0.58 r: 3 sqrt(3) (0.58 r)^2.
      case .triangle: 3 * Float(3).squareRoot() * 0.58 * 0.58 * square
      // Ten triangles with sides r and 0.47 r and an angle of 36 degrees.
      case .star: 10 * 0.5 * 0.47 * 0.587_785 * square
      case .bar: 4 * 0.12 * square
      case .cross: (2 * 2 * 0.6 - 0.6 * 0.6) * square
      }
    #expect(abs(Float(inside) - expected) < 0.01 * expected, "\(inside), formula \(expected)")
  }

  @Test("a distance changes by no more than the way", arguments: SceneClass.allCases)
  func slope(_ kind: SceneClass) {
    let shape = shape(kind, radius: 40)
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<4000 {
      let (u, v) = (generator.uniform(-60...60), generator.uniform(-60...60))
      let (du, dv) = (generator.uniform(-2...2), generator.uniform(-2...2))
      let change = abs(shape.distance(u + du, v + dv) - shape.distance(u, v))
      #expect(change <= (du * du + dv * dv).squareRoot() + 1e-4, "\(u), \(v), \(du), \(dv)")
    }
  }
}

@Suite struct SceneTests {
  @Test("masks show what is visible: disjoint, with tight boxes, large enough, of known classes")
  func truth() throws {
    var sizes: [Double] = []
    var labels: Set<Int> = []
    var isOccluded = false
    for seed in 0..<60 as Range<UInt64> {
      let scene = Scene(seed: seed)
      #expect((1...9).contains(scene.objects.count))
      var owners = [Int](repeating: 0, count: 256 * 256)
      for object in scene.objects {
        let mask = try #require(object.mask)
        #expect(object.bounds == COCOBox(mask.window) && object.area == Double(mask.area))
        #expect(mask.area >= 20)
        for (place, isInside) in mask.pixels.enumerated() where isInside { owners[place] += 1 }
        labels.insert(object.label)
        sizes.append(max(object.bounds.width, object.bounds.height))
        // A full disc has more than three quarters of its box.
        if object.label == SceneClass.disc.rawValue {
          isOccluded = isOccluded || object.area < 0.65 * object.bounds.area
        }
      }
      #expect(owners.allSatisfy { $0 <= 1 })
      #expect(scene.image.shape == [3, 256, 256])
    }
    #expect(labels == Set(1...6) && SceneClass.names.count == 7 && Scene.classes.count == 6)
    #expect((sizes.min() ?? 0) < 14 && (sizes.max() ?? 0) > 150)
    #expect(isOccluded)
  }

  @Test("one seed gives one scene, another seed another, and a PNG holds it exactly")
  func seeds() throws {
    let scene = Scene(seed: 5)
    #expect(Scene(seed: 5).image == scene.image && Scene(seed: 5).objects == scene.objects)
    #expect(Scene(seed: 6).image != scene.image)
    let file = PNG.encode(Raster(scene.image))
    #expect(try PNG.decode(file, name: "scene").pixels == scene.image)
    let small = Scene(seed: 1, side: 96)
    #expect(small.image.shape == [3, 96, 96] && !small.objects.isEmpty)
    #expect(small.annotated(id: 4).height == 96)
  }

  // Weights that were trained on scenes name their seeds: a scene must never change.
  @Test("scenes have the same bits on every machine")
  func checksum() {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    func add(_ value: Int) { hash = (hash ^ UInt64(value)) &* 0x100_0000_01b3 }
    for seed in 0..<4 as Range<UInt64> {
      let scene = Scene(seed: seed)
      for value in scene.image.values { add(Int((value * 255).rounded())) }
      for run in scene.objects.flatMap({ $0.mask?.runs ?? [] }) { add(run) }
    }
    #expect(hash == 15_870_564_934_881_460_560, "\(hash)")
  }
}
