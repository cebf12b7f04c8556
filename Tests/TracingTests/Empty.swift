import Testing
import Tracing
