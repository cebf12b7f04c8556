"""`python -m swiftkernel install` registers the kernel; Jupyter starts it with `-f FILE`."""

import sys

if sys.argv[1:2] == ["install"]:
    from .install import install

    install()
else:
    from ipykernel.kernelapp import IPKernelApp

    from .kernel import SwiftKernel

    IPKernelApp.launch_instance(kernel_class=SwiftKernel)
