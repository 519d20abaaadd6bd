"""The reduction of large angles, as LLVM text: for |x| of 2**27 and more, where three products no longer take n pi/2 off.

Source: Payne and Hanek, "Radian reduction for trigonometric functions", 1983.
"""

from __future__ import annotations

_TWO_OVER_PI = int(  # times 2**1168
    "255220208131712216577019914391142172369867008582010448936694355062561299511404401990273040239322716789442385097178916362"
    "667024656730719060792244041586829056562808021160473218963421601437234280756451037432392269736771060144075685400085958367"
    "0221759014815280590312783791517515384444922662169249149661402368228912505645955324676888044076043253152393745923"
)
TABLE = f"@two_over_pi = private unnamed_addr constant i1280 {_TWO_OVER_PI}, align 64"
# The remainder of |x| = m 2**e: the bits of 2/pi that matter are multiplied by m; the product's two bits before the point are
# n mod 4, and 190 bits behind it are the remainder, in quarter turns.
FAR_ONE = """define internal { i64, double, double } @far_one(double %x) noinline nounwind {
  %bits = bitcast double %x to i64
  %high = lshr i64 %bits, 52
  %e = and i64 %high, 2047
  %fraction = and i64 %bits, 4503599627370495
  %m = or i64 %fraction, 4503599627370496
  %shift = sub i64 2053, %e
  %byte = lshr i64 %shift, 3
  %bit = and i64 %shift, 7
  %p = getelementptr i8, ptr @two_over_pi, i64 %byte
  %words = load i256, ptr %p, align 1
  %bit256 = zext i64 %bit to i256
  %m256 = zext i64 %m to i256
  %aligned = lshr i256 %words, %bit256
  %product = mul i256 %aligned, %m256
  %turns = lshr i256 %product, 190
  %n0 = trunc i256 %turns to i64
  %rest = shl i256 %product, 66
  %above = icmp slt i256 %rest, 0
  %up = zext i1 %above to i64
  %n1 = add i64 %n0, %up
  %down = sub i256 0, %rest
  %size = select i1 %above, i256 %down, i256 %rest
  %s1 = lshr i256 %size, 192
  %w1 = trunc i256 %s1 to i64
  %s0 = lshr i256 %size, 128
  %w0 = trunc i256 %s0 to i64
  %top = and i64 %w1, -2048
  %next = and i64 %w1, 2047
  %a = uitofp i64 %top to double
  %b0 = uitofp i64 %next to double
  %b1 = uitofp i64 %w0 to double
  %b2 = fmul double %b1, 0x3BF0000000000000
  %b = fadd double %b0, %b2
  %t = fadd double %a, %b
  %t0 = fsub double %t, %a
  %t_low = fsub double %b, %t0
  %r = fmul double %t, 0x3FF921FB54442D18
  %minus_r = fneg double %r
  %c = call double @llvm.fma.f64(double %t, double 0x3FF921FB54442D18, double %minus_r)
  %d0 = fmul double %t, 0x3C91A62633145C07
  %d1 = call double @llvm.fma.f64(double %t_low, double 0x3FF921FB54442D18, double %d0)
  %low = fadd double %c, %d1
  %negative = icmp slt i64 %bits, 0
  %flip = xor i1 %negative, %above
  %scale = select i1 %flip, double 0xBBF0000000000000, double 0x3BF0000000000000
  %r_out = fmul double %r, %scale
  %low_out = fmul double %low, %scale
  %minus_n = sub i64 0, %n1
  %n_out = select i1 %negative, i64 %minus_n, i64 %n1
  %o0 = insertvalue { i64, double, double } poison, i64 %n_out, 0
  %o1 = insertvalue { i64, double, double } %o0, double %r_out, 1
  %o2 = insertvalue { i64, double, double } %o1, double %low_out, 2
  ret { i64, double, double } %o2
}"""
FAR_ALL = """define internal {T} @far_{N}(<{N} x double> %x, <{N} x i64> %n, <{N} x double> %r, <{N} x double> %low) alwaysinline nounwind {
entry:
  %size = call <{N} x double> @llvm.fabs.v{N}f64(<{N} x double> %x)
  %is_far = fcmp oge <{N} x double> %size, splat (double 0x41A0000000000000)
  %any = call i1 @llvm.vector.reduce.or.v{N}i1(<{N} x i1> %is_far)
  br i1 %any, label %lanes, label %leave
lanes:
  %i = phi i64 [ 0, %entry ], [ %i_next, %lane_done ]
  %n0 = phi <{N} x i64> [ %n, %entry ], [ %n2, %lane_done ]
  %r0 = phi <{N} x double> [ %r, %entry ], [ %r2, %lane_done ]
  %l0 = phi <{N} x double> [ %low, %entry ], [ %l2, %lane_done ]
  %here = extractelement <{N} x i1> %is_far, i64 %i
  br i1 %here, label %lane, label %lane_done
lane:
  %xi = extractelement <{N} x double> %x, i64 %i
  %o = call { i64, double, double } @far_one(double %xi)
  %on = extractvalue { i64, double, double } %o, 0
  %or = extractvalue { i64, double, double } %o, 1
  %ol = extractvalue { i64, double, double } %o, 2
  %n1 = insertelement <{N} x i64> %n0, i64 %on, i64 %i
  %r1 = insertelement <{N} x double> %r0, double %or, i64 %i
  %l1 = insertelement <{N} x double> %l0, double %ol, i64 %i
  br label %lane_done
lane_done:
  %n2 = phi <{N} x i64> [ %n0, %lanes ], [ %n1, %lane ]
  %r2 = phi <{N} x double> [ %r0, %lanes ], [ %r1, %lane ]
  %l2 = phi <{N} x double> [ %l0, %lanes ], [ %l1, %lane ]
  %i_next = add i64 %i, 1
  %more = icmp ult i64 %i_next, {N}
  br i1 %more, label %lanes, label %leave
leave:
  %n3 = phi <{N} x i64> [ %n, %entry ], [ %n2, %lane_done ]
  %r3 = phi <{N} x double> [ %r, %entry ], [ %r2, %lane_done ]
  %l3 = phi <{N} x double> [ %low, %entry ], [ %l2, %lane_done ]
  %a0 = insertvalue {T} poison, <{N} x i64> %n3, 0
  %a1 = insertvalue {T} %a0, <{N} x double> %r3, 1
  %a2 = insertvalue {T} %a1, <{N} x double> %l3, 2
  ret {T} %a2
}"""
