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
  .target(name: "Tensors", dependencies: ["CZlib"]),
  .target(
    name: "Kernels", dependencies: ["Tensors", "CMalloc", "CVectorWidth"],
    // Only this target may know how wide the processor's vectors are.
    swiftSettings: [.unsafeFlags(["-Xcc", "-march=\(processor)"], .when(platforms: [.linux]))]),
  .target(name: "Figures", dependencies: ["Tensors", "CPNG", "CJPEG"]),
  .target(name: "Tracing", dependencies: ["Tensors"]),
  .target(name: "Annotations", dependencies: ["Tensors", "Figures"]),
  .target(name: "Evaluation", dependencies: ["Tensors", "Kernels", "Annotations"]),
  .target(name: "Scenes", dependencies: ["Tensors", "Annotations"]),
  .target(name: "Model", dependencies: ["Tensors", "Kernels"]),
]

let stages = [
  "Stage0Input", "Stage1Backbone", "Stage2Anchors", "Stage3Proposals", "Stage4RoI",
  "Stage5Heads", "Stage6Masks",
]

/// A stage sees the foundations and every stage with a lower number.
let stageTargets: [Target] = stages.enumerated().map { number, name in
  .target(
    name: name,
    dependencies: (["Tensors", "Kernels", "Figures", "Tracing", "Annotations", "Model"]
      + stages[..<number]).map { .byName(name: $0) })
}

let goldens: Target = .target(
  name: "Goldens",
  dependencies: (["Tensors", "Kernels", "Tracing", "Annotations", "Model"] + stages)
    .map { .byName(name: $0) })

/// The page's template, style and scripts are files that are copied as they are.
let tracePage: Target = .target(
  name: "TracePage",
  dependencies: ([
    "Tensors", "Kernels", "Figures", "Tracing", "Annotations", "Model", "Experiments",
  ] + stages).map { .byName(name: $0) } + [.product(name: "Mustache", package: "swift-mustache")],
  resources: [.copy("Page")])

let benchmarks: Target = .target(
  name: "Benchmarks",
  dependencies: (["Tensors", "Kernels", "Model"] + stages).map { .byName(name: $0) })

/// What is done with whole traces to learn from them: below the commands, above the stages.
let experiments: Target = .target(
  name: "Experiments",
  dependencies: (["Tensors", "Kernels", "Figures", "Tracing", "Annotations", "Model"] + stages)
    .map { .byName(name: $0) })

let commandNames = [
  "maskrcnn", "input", "backbone", "anchors", "proposals", "roi", "heads", "masks", "bench",
]

let commandTargets: [Target] =
  [
    .target(
      name: "CommandSupport",
      dependencies: ([
        "Tensors", "Kernels", "Figures", "Tracing", "Annotations", "Evaluation", "Model", "Goldens",
        "Benchmarks", "Experiments", "TracePage",
      ] + stages)
      .map { .byName(name: $0) } + [
        .product(name: "ArgumentParser", package: "swift-argument-parser")
      ])
  ]
  + commandNames.map {
    .executableTarget(name: $0, dependencies: ["CommandSupport"], path: "Sources/Commands/\($0)")
  }

let stageTestTargets: [Target] = stages.enumerated().map { number, name in
  .testTarget(
    name: "\(name)Tests",
    dependencies: (["Tensors", "Kernels", "Annotations", "Model"] + stages[...number])
      .map { .byName(name: $0) })
}

let testTargets: [Target] = [
  .target(name: "TestSupport", dependencies: ["Tensors", "Figures"], path: "Tests/Support"),
  .testTarget(name: "TensorsTests", dependencies: ["Tensors"]),
  .testTarget(name: "KernelsTests", dependencies: ["Kernels", "Tensors"]),
  .testTarget(name: "FiguresTests", dependencies: ["Figures", "Tensors", "TestSupport"]),
  .testTarget(name: "TracingTests", dependencies: ["Tracing", "Tensors", "TestSupport"]),
  .testTarget(
    name: "CommandTests",
    dependencies: ["TestSupport", "Tensors", "Tracing"] + commandNames.map { .byName(name: $0) }),
  .testTarget(
    name: "StageFigureTests",
    dependencies: (["Tensors", "Figures", "TestSupport"] + stages).map { .byName(name: $0) }),
  .testTarget(name: "GoldenTests", dependencies: ["Goldens", "Tracing", "Tensors"]),
  .testTarget(
    name: "AnnotationsTests", dependencies: ["Annotations", "Figures", "Tensors", "TestSupport"]),
  .testTarget(
    name: "EvaluationTests",
    dependencies: ["Evaluation", "Annotations", "Kernels", "Tensors", "TestSupport"]),
  .testTarget(name: "ScenesTests", dependencies: ["Scenes", "Annotations", "Figures", "Tensors"]),
  .testTarget(name: "ModelTests", dependencies: ["Model", "Tensors"]),
  .testTarget(
    name: "ExperimentsTests",
    dependencies: ([
      "Experiments", "Tensors", "Figures", "Tracing", "Annotations", "Model", "TestSupport",
    ] + stages).map { .byName(name: $0) }),
]

let package = Package(
  name: "MaskRCNN",
  platforms: [.macOS(.v26)],
  products: commandNames.map { .executable(name: $0, targets: [$0]) },
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.0.0"),
  ],
  targets: foundations + stageTargets + [goldens, experiments, tracePage, benchmarks]
    + commandTargets + testTargets + stageTestTargets,
  swiftLanguageModes: [.v6]
)
