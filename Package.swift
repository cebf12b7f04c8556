// swift-tools-version: 6.2
import PackageDescription

// The folder listing of Sources is the pipeline: a stage imports only stages with a lower number,
// and nothing below the stages imports one.

/// Which processor the kernels are compiled for: the one that compiles, unless MASKRCNN_MARCH names
/// another, such as x86-64-v3 (AVX2) or x86-64-v2 (SSE).
let processor = Context.environment["MASKRCNN_MARCH"] ?? "native"

/// The rooms below the stages, each with what it may import.
let foundations: [Target] = [
  .systemLibrary(
    name: "CPNG", pkgConfig: "libpng",
    providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
  .systemLibrary(
    name: "CJPEG", pkgConfig: "libjpeg",
    providers: [.apt(["libjpeg-dev"]), .brew(["jpeg-turbo"])]),
  .systemLibrary(
    name: "CZlib", pkgConfig: "zlib",
    providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
  .systemLibrary(name: "CMalloc"),
  .target(name: "CVectorWidth"),
  .target(name: "Tensors"),
  .target(name: "WeightFiles", dependencies: ["Tensors", "CZlib"]),
  .target(
    name: "Kernels", dependencies: ["Tensors", "CMalloc", "CVectorWidth"],
    // Only this target may know how wide the processor's vectors are.
    swiftSettings: [.unsafeFlags(["-Xcc", "-march=\(processor)"], .when(platforms: [.linux]))]),
  .target(name: "Figures", dependencies: ["Tensors", "CPNG", "CJPEG"]),
  .target(name: "Tracing", dependencies: ["Tensors", "WeightFiles"]),
  .target(name: "Model", dependencies: ["Tensors", "WeightFiles", "Kernels"]),
]

let stages = [
  "Stage0Input", "Stage1Backbone", "Stage2Anchors", "Stage3Proposals", "Stage4RoI",
  "Stage5Heads", "Stage6Masks", "Stage7Targets", "Stage8Losses",
]

/// A stage sees the foundations and every stage with a lower number.
let stageTargets: [Target] = stages.enumerated().map { number, name in
  .target(
    name: name,
    dependencies: (["Tensors", "Kernels", "Figures", "Tracing", "Model"] + stages[..<number])
      .map { .byName(name: $0) })
}

/// The stages chained in memory, and the list of them.
let inference: Target = .target(
  name: "Inference",
  dependencies: (["Tensors", "WeightFiles", "Kernels", "Figures", "Tracing", "Model"] + stages)
    .map { .byName(name: $0) })

/// What another package imports: one name for all rooms, which are products by themselves too.
let rooms =
  ["Tensors", "WeightFiles", "Kernels", "Figures", "Tracing", "Model"] + stages + ["Inference"]

let umbrella: Target = .target(name: "MaskRCNN", dependencies: rooms.map { .byName(name: $0) })

let goldens: Target = .target(
  name: "Goldens",
  dependencies: (["Tensors", "Kernels", "Tracing", "Model", "Inference"] + stages)
    .map { .byName(name: $0) })

/// The page's template, style and scripts are files that are copied as they are.
let tracePage: Target = .target(
  name: "TracePage",
  dependencies: ([
    "Tensors", "WeightFiles", "Kernels", "Figures", "Tracing", "Model", "Inference", "Ablations",
    "CZlib",
  ] + stages)
  .map { .byName(name: $0) } + [.product(name: "Mustache", package: "swift-mustache")],
  resources: [.copy("Page")])

let benchmarks: Target = .target(
  name: "Benchmarks",
  dependencies: (["Tensors", "WeightFiles", "Kernels", "Model", "Inference"] + stages)
    .map { .byName(name: $0) })

/// Comparisons of RoI operators on whole traces: below the commands, above the stages.
let ablations: Target = .target(
  name: "Ablations",
  dependencies: ([
    "Tensors", "WeightFiles", "Kernels", "Figures", "Tracing", "Model", "Inference",
  ] + stages)
  .map { .byName(name: $0) })

/// Traces with a deliberate mistake, compared with right ones.
let mistakes: Target = .target(
  name: "Mistakes",
  dependencies: ([
    "Tensors", "WeightFiles", "Kernels", "Figures", "Tracing", "Model", "Inference", "Ablations",
  ] + stages)
  .map { .byName(name: $0) })

let commandNames = [
  "maskrcnn", "input", "backbone", "anchors", "proposals", "roi", "heads", "masks", "bench",
]

let commandTargets: [Target] =
  [
    .target(
      name: "Commands",
      dependencies: ([
        "Tensors", "WeightFiles", "Kernels", "Figures", "Tracing", "Model", "Inference", "Goldens",
        "Benchmarks", "Ablations", "Mistakes", "TracePage",
      ] + stages)
      .map { .byName(name: $0) } + [
        .product(name: "ArgumentParser", package: "swift-argument-parser")
      ],
      exclude: ["Executables"])
  ]
  + commandNames.map {
    .executableTarget(
      name: $0, dependencies: (["Commands"] + stages).map { .byName(name: $0) },
      path: "Sources/Commands/Executables/\($0)")
  }

let stageTestTargets: [Target] = stages.enumerated().map { number, name in
  .testTarget(
    name: "\(name)Tests",
    dependencies: (["Tensors", "Kernels", "Model"] + stages[...number]).map { .byName(name: $0) })
}

let testTargets: [Target] = [
  .target(
    name: "TestFixtures", dependencies: ["Tensors", "Figures"], path: "Tests/TestFixtures"),
  .testTarget(name: "TensorsTests", dependencies: ["Tensors"]),
  .testTarget(name: "WeightFilesTests", dependencies: ["WeightFiles", "Tensors"]),
  .testTarget(name: "KernelsTests", dependencies: ["Kernels", "Tensors"]),
  .testTarget(name: "FiguresTests", dependencies: ["Figures", "Tensors", "TestFixtures"]),
  .testTarget(name: "TracingTests", dependencies: ["Tracing", "Tensors", "TestFixtures"]),
  .testTarget(
    name: "CommandTests",
    dependencies: ["TestFixtures", "Tensors", "WeightFiles", "Tracing"]
      + commandNames.map { .byName(name: $0) }),
  .testTarget(
    name: "StageFigureTests",
    dependencies: (["Tensors", "Figures", "TestFixtures"] + stages).map { .byName(name: $0) }),
  .testTarget(
    name: "InferenceTests",
    dependencies: (["Inference", "Tensors", "Figures", "Tracing", "Model", "TestFixtures"] + stages)
      .map { .byName(name: $0) }),
  .testTarget(name: "GoldenTests", dependencies: ["Goldens", "Tracing", "Tensors"]),
  .testTarget(name: "ModelTests", dependencies: ["Model", "WeightFiles", "Tensors"]),
  .testTarget(
    name: "AblationsTests",
    dependencies: (["Ablations", "Tensors", "Figures", "Tracing", "Model", "TestFixtures"]
      + stages).map { .byName(name: $0) }),
  .testTarget(
    name: "MistakesTests",
    dependencies: (["Mistakes", "Tensors", "Figures", "Tracing", "Model", "TestFixtures"]
      + stages).map { .byName(name: $0) }),
]

let package = Package(
  name: "MaskRCNN",
  platforms: [.macOS(.v26)],
  products: (["MaskRCNN"] + rooms).map { .library(name: $0, targets: [$0]) }
    + commandNames.map { .executable(name: $0, targets: [$0]) },
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.0.0"),
  ],
  targets: foundations + stageTargets
    + [umbrella, inference, goldens, ablations, mistakes, tracePage, benchmarks]
    + commandTargets + testTargets + stageTestTargets,
  swiftLanguageModes: [.v6]
)
