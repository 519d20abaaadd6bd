; reduce_sum+over+minus+times+plus+rsqrt
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare float @llvm.sqrt.f32(float)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch) nounwind {
entry:
  %num0_cell = getelementptr i64, ptr %numbers, i64 0
  %num0 = load double, ptr %num0_cell
  %num1_cell = getelementptr i64, ptr %numbers, i64 1
  %num1 = load double, ptr %num1_cell
  %size0_cell = getelementptr i64, ptr %numbers, i64 2
  %size0 = load i64, ptr %size0_cell
  %size1_cell = getelementptr i64, ptr %numbers, i64 3
  %size1 = load i64, ptr %size1_cell
  %size2_cell = getelementptr i64, ptr %numbers, i64 4
  %size2 = load i64, ptr %size2_cell
  %base0_cell = getelementptr ptr, ptr %pointers, i64 0
  %base0 = load ptr, ptr %base0_cell
  %base1_cell = getelementptr ptr, ptr %pointers, i64 1
  %base1 = load ptr, ptr %base1_cell
  %base2_cell = getelementptr ptr, ptr %pointers, i64 2
  %base2 = load ptr, ptr %base2_cell
  %base3_cell = getelementptr ptr, ptr %pointers, i64 3
  %base3 = load ptr, ptr %base3_cell
  %sum1_0 = alloca <16 x float>
  %sum1_1 = alloca <16 x float>
  %sum1_2 = alloca <16 x float>
  %sum1_3 = alloca <16 x float>
  %sum7_0 = alloca <16 x float>
  %sum7_1 = alloca <16 x float>
  %sum7_2 = alloca <16 x float>
  %sum7_3 = alloca <16 x float>
  %v1 = fptrunc double %num0 to float
  %v2 = fptrunc double %num1 to float
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %end
  br i1 %i0_on, label %body0, label %exit0
body0:
  %v3 = mul nsw i64 %i0, %size0
  %p4 = getelementptr float, ptr %base0, i64 %v3
  %v5 = mul nsw i64 %i0, %size1
  %p6 = getelementptr float, ptr %base3, i64 %v5
  store <16 x float> splat (float 0x0000000000000000), ptr %sum1_0
  store <16 x float> splat (float 0x0000000000000000), ptr %sum1_1
  store <16 x float> splat (float 0x0000000000000000), ptr %sum1_2
  store <16 x float> splat (float 0x0000000000000000), ptr %sum1_3
  %v7 = and i64 %size2, -64
  br label %enter1
enter1:
  br label %head1
head1:
  %i1 = phi i64 [ 0, %enter1 ], [ %i1_next, %latch1 ]
  %i1_on = icmp slt i64 %i1, %v7
  br i1 %i1_on, label %body1, label %exit1
body1:
  %p8 = getelementptr float, ptr %p4, i64 %i1
  %v9 = load <16 x float>, ptr %p8, align 4
  %v10 = load <16 x float>, ptr %sum1_0
  %v11 = fadd contract <16 x float> %v10, %v9
  store <16 x float> %v11, ptr %sum1_0
  %v12 = add nsw i64 %i1, 16
  %p13 = getelementptr float, ptr %p4, i64 %v12
  %v14 = load <16 x float>, ptr %p13, align 4
  %v15 = load <16 x float>, ptr %sum1_1
  %v16 = fadd contract <16 x float> %v15, %v14
  store <16 x float> %v16, ptr %sum1_1
  %v17 = add nsw i64 %i1, 32
  %p18 = getelementptr float, ptr %p4, i64 %v17
  %v19 = load <16 x float>, ptr %p18, align 4
  %v20 = load <16 x float>, ptr %sum1_2
  %v21 = fadd contract <16 x float> %v20, %v19
  store <16 x float> %v21, ptr %sum1_2
  %v22 = add nsw i64 %i1, 48
  %p23 = getelementptr float, ptr %p4, i64 %v22
  %v24 = load <16 x float>, ptr %p23, align 4
  %v25 = load <16 x float>, ptr %sum1_3
  %v26 = fadd contract <16 x float> %v25, %v24
  store <16 x float> %v26, ptr %sum1_3
  br label %latch1
latch1:
  %i1_next = add nsw i64 %i1, 64
  br label %head1, !llvm.loop !1002
exit1:
  br label %enter2
enter2:
  br label %head2
head2:
  %i2 = phi i64 [ %v7, %enter2 ], [ %i2_next, %latch2 ]
  %i2_on = icmp slt i64 %i2, %size2
  br i1 %i2_on, label %body2, label %exit2
body2:
  %v27 = sub nsw i64 %size2, %i2
  %v28 = call i64 @llvm.smin.i64(i64 %v27, i64 16)
  %v29 = trunc i64 %v28 to i32
  %v30 = insertelement <16 x i32> poison, i32 %v29, i64 0
  %v31 = shufflevector <16 x i32> %v30, <16 x i32> poison, <16 x i32> zeroinitializer
  %v32 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v31
  %p33 = getelementptr float, ptr %p4, i64 %i2
  %v34 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p33, i32 4, <16 x i1> %v32, <16 x float> zeroinitializer)
  %v35 = select <16 x i1> %v32, <16 x float> %v34, <16 x float> splat (float 0x0000000000000000)
  %v36 = load <16 x float>, ptr %sum1_0
  %v37 = fadd contract <16 x float> %v36, %v35
  store <16 x float> %v37, ptr %sum1_0
  br label %latch2
latch2:
  %i2_next = add nsw i64 %i2, 16
  br label %head2, !llvm.loop !1003
exit2:
  %v38 = load <16 x float>, ptr %sum1_0
  %v39 = load <16 x float>, ptr %sum1_1
  %v40 = load <16 x float>, ptr %sum1_2
  %v41 = load <16 x float>, ptr %sum1_3
  %v42 = fadd contract <16 x float> %v38, %v40
  %v43 = fadd contract <16 x float> %v39, %v41
  %v44 = fadd contract <16 x float> %v42, %v43
  %v45 = shufflevector <16 x float> %v44, <16 x float> poison, <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  %v46 = shufflevector <16 x float> %v44, <16 x float> poison, <8 x i32> <i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>
  %v47 = fadd contract <8 x float> %v45, %v46
  %v48 = shufflevector <8 x float> %v47, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v49 = shufflevector <8 x float> %v47, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v50 = fadd contract <4 x float> %v48, %v49
  %v51 = shufflevector <4 x float> %v50, <4 x float> poison, <2 x i32> <i32 0, i32 1>
  %v52 = shufflevector <4 x float> %v50, <4 x float> poison, <2 x i32> <i32 2, i32 3>
  %v53 = fadd contract <2 x float> %v51, %v52
  %v54 = shufflevector <2 x float> %v53, <2 x float> poison, <1 x i32> <i32 0>
  %v55 = shufflevector <2 x float> %v53, <2 x float> poison, <1 x i32> <i32 1>
  %v56 = extractelement <2 x float> %v53, i64 0
  %v57 = extractelement <2 x float> %v53, i64 1
  %v58 = fadd contract float %v56, %v57
  store <16 x float> splat (float 0x0000000000000000), ptr %sum7_0
  store <16 x float> splat (float 0x0000000000000000), ptr %sum7_1
  store <16 x float> splat (float 0x0000000000000000), ptr %sum7_2
  store <16 x float> splat (float 0x0000000000000000), ptr %sum7_3
  %v59 = fdiv float %v58, %v1
  br label %enter3
enter3:
  br label %head3
head3:
  %i3 = phi i64 [ 0, %enter3 ], [ %i3_next, %latch3 ]
  %i3_on = icmp slt i64 %i3, %v7
  br i1 %i3_on, label %body3, label %exit3
body3:
  %p60 = getelementptr float, ptr %p4, i64 %i3
  %v61 = load <16 x float>, ptr %p60, align 4
  %v62 = insertelement <16 x float> poison, float %v59, i64 0
  %v63 = shufflevector <16 x float> %v62, <16 x float> poison, <16 x i32> zeroinitializer
  %v64 = fsub contract <16 x float> %v61, %v63
  %v65 = fmul <16 x float> %v64, %v64
  %v66 = load <16 x float>, ptr %sum7_0
  %v67 = fadd contract <16 x float> %v66, %v65
  store <16 x float> %v67, ptr %sum7_0
  %v68 = add nsw i64 %i3, 16
  %p69 = getelementptr float, ptr %p4, i64 %v68
  %v70 = load <16 x float>, ptr %p69, align 4
  %v71 = fsub contract <16 x float> %v70, %v63
  %v72 = fmul <16 x float> %v71, %v71
  %v73 = load <16 x float>, ptr %sum7_1
  %v74 = fadd contract <16 x float> %v73, %v72
  store <16 x float> %v74, ptr %sum7_1
  %v75 = add nsw i64 %i3, 32
  %p76 = getelementptr float, ptr %p4, i64 %v75
  %v77 = load <16 x float>, ptr %p76, align 4
  %v78 = fsub contract <16 x float> %v77, %v63
  %v79 = fmul <16 x float> %v78, %v78
  %v80 = load <16 x float>, ptr %sum7_2
  %v81 = fadd contract <16 x float> %v80, %v79
  store <16 x float> %v81, ptr %sum7_2
  %v82 = add nsw i64 %i3, 48
  %p83 = getelementptr float, ptr %p4, i64 %v82
  %v84 = load <16 x float>, ptr %p83, align 4
  %v85 = fsub contract <16 x float> %v84, %v63
  %v86 = fmul <16 x float> %v85, %v85
  %v87 = load <16 x float>, ptr %sum7_3
  %v88 = fadd contract <16 x float> %v87, %v86
  store <16 x float> %v88, ptr %sum7_3
  br label %latch3
latch3:
  %i3_next = add nsw i64 %i3, 64
  br label %head3, !llvm.loop !1004
exit3:
  br label %enter4
enter4:
  br label %head4
head4:
  %i4 = phi i64 [ %v7, %enter4 ], [ %i4_next, %latch4 ]
  %i4_on = icmp slt i64 %i4, %size2
  br i1 %i4_on, label %body4, label %exit4
body4:
  %v89 = sub nsw i64 %size2, %i4
  %v90 = call i64 @llvm.smin.i64(i64 %v89, i64 16)
  %v91 = trunc i64 %v90 to i32
  %v92 = insertelement <16 x i32> poison, i32 %v91, i64 0
  %v93 = shufflevector <16 x i32> %v92, <16 x i32> poison, <16 x i32> zeroinitializer
  %v94 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v93
  %p95 = getelementptr float, ptr %p4, i64 %i4
  %v96 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p95, i32 4, <16 x i1> %v94, <16 x float> zeroinitializer)
  %v97 = insertelement <16 x float> poison, float %v59, i64 0
  %v98 = shufflevector <16 x float> %v97, <16 x float> poison, <16 x i32> zeroinitializer
  %v99 = fsub contract <16 x float> %v96, %v98
  %v100 = fmul <16 x float> %v99, %v99
  %v101 = select <16 x i1> %v94, <16 x float> %v100, <16 x float> splat (float 0x0000000000000000)
  %v102 = load <16 x float>, ptr %sum7_0
  %v103 = fadd contract <16 x float> %v102, %v101
  store <16 x float> %v103, ptr %sum7_0
  br label %latch4
latch4:
  %i4_next = add nsw i64 %i4, 16
  br label %head4, !llvm.loop !1005
exit4:
  %v104 = load <16 x float>, ptr %sum7_0
  %v105 = load <16 x float>, ptr %sum7_1
  %v106 = load <16 x float>, ptr %sum7_2
  %v107 = load <16 x float>, ptr %sum7_3
  %v108 = fadd contract <16 x float> %v104, %v106
  %v109 = fadd contract <16 x float> %v105, %v107
  %v110 = fadd contract <16 x float> %v108, %v109
  %v111 = shufflevector <16 x float> %v110, <16 x float> poison, <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  %v112 = shufflevector <16 x float> %v110, <16 x float> poison, <8 x i32> <i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>
  %v113 = fadd contract <8 x float> %v111, %v112
  %v114 = shufflevector <8 x float> %v113, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v115 = shufflevector <8 x float> %v113, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v116 = fadd contract <4 x float> %v114, %v115
  %v117 = shufflevector <4 x float> %v116, <4 x float> poison, <2 x i32> <i32 0, i32 1>
  %v118 = shufflevector <4 x float> %v116, <4 x float> poison, <2 x i32> <i32 2, i32 3>
  %v119 = fadd contract <2 x float> %v117, %v118
  %v120 = shufflevector <2 x float> %v119, <2 x float> poison, <1 x i32> <i32 0>
  %v121 = shufflevector <2 x float> %v119, <2 x float> poison, <1 x i32> <i32 1>
  %v122 = extractelement <2 x float> %v119, i64 0
  %v123 = extractelement <2 x float> %v119, i64 1
  %v124 = fadd contract float %v122, %v123
  %v125 = fdiv float %v124, %v1
  %v126 = fadd contract float %v125, %v2
  %v127 = call float @llvm.sqrt.f32(float %v126)
  %v128 = fdiv float 0x3FF0000000000000, %v127
  br label %enter5
enter5:
  br label %head5
head5:
  %i5 = phi i64 [ 0, %enter5 ], [ %i5_next, %latch5 ]
  %i5_on = icmp slt i64 %i5, %v7
  br i1 %i5_on, label %body5, label %exit5
body5:
  %p129 = getelementptr float, ptr %p4, i64 %i5
  %v130 = load <16 x float>, ptr %p129, align 4
  %v131 = insertelement <16 x float> poison, float %v59, i64 0
  %v132 = shufflevector <16 x float> %v131, <16 x float> poison, <16 x i32> zeroinitializer
  %v133 = fsub contract <16 x float> %v130, %v132
  %v134 = insertelement <16 x float> poison, float %v128, i64 0
  %v135 = shufflevector <16 x float> %v134, <16 x float> poison, <16 x i32> zeroinitializer
  %v136 = fmul <16 x float> %v133, %v135
  %p137 = getelementptr float, ptr %base1, i64 %i5
  %v138 = load <16 x float>, ptr %p137, align 4
  %v139 = fmul <16 x float> %v136, %v138
  %p140 = getelementptr float, ptr %base2, i64 %i5
  %v141 = load <16 x float>, ptr %p140, align 4
  %v142 = fadd contract <16 x float> %v139, %v141
  %p143 = getelementptr float, ptr %p6, i64 %i5
  store <16 x float> %v142, ptr %p143, align 4
  %v144 = add nsw i64 %i5, 16
  %p145 = getelementptr float, ptr %p4, i64 %v144
  %v146 = load <16 x float>, ptr %p145, align 4
  %v147 = fsub contract <16 x float> %v146, %v132
  %v148 = fmul <16 x float> %v147, %v135
  %p149 = getelementptr float, ptr %base1, i64 %v144
  %v150 = load <16 x float>, ptr %p149, align 4
  %v151 = fmul <16 x float> %v148, %v150
  %p152 = getelementptr float, ptr %base2, i64 %v144
  %v153 = load <16 x float>, ptr %p152, align 4
  %v154 = fadd contract <16 x float> %v151, %v153
  %p155 = getelementptr float, ptr %p6, i64 %v144
  store <16 x float> %v154, ptr %p155, align 4
  %v156 = add nsw i64 %i5, 32
  %p157 = getelementptr float, ptr %p4, i64 %v156
  %v158 = load <16 x float>, ptr %p157, align 4
  %v159 = fsub contract <16 x float> %v158, %v132
  %v160 = fmul <16 x float> %v159, %v135
  %p161 = getelementptr float, ptr %base1, i64 %v156
  %v162 = load <16 x float>, ptr %p161, align 4
  %v163 = fmul <16 x float> %v160, %v162
  %p164 = getelementptr float, ptr %base2, i64 %v156
  %v165 = load <16 x float>, ptr %p164, align 4
  %v166 = fadd contract <16 x float> %v163, %v165
  %p167 = getelementptr float, ptr %p6, i64 %v156
  store <16 x float> %v166, ptr %p167, align 4
  %v168 = add nsw i64 %i5, 48
  %p169 = getelementptr float, ptr %p4, i64 %v168
  %v170 = load <16 x float>, ptr %p169, align 4
  %v171 = fsub contract <16 x float> %v170, %v132
  %v172 = fmul <16 x float> %v171, %v135
  %p173 = getelementptr float, ptr %base1, i64 %v168
  %v174 = load <16 x float>, ptr %p173, align 4
  %v175 = fmul <16 x float> %v172, %v174
  %p176 = getelementptr float, ptr %base2, i64 %v168
  %v177 = load <16 x float>, ptr %p176, align 4
  %v178 = fadd contract <16 x float> %v175, %v177
  %p179 = getelementptr float, ptr %p6, i64 %v168
  store <16 x float> %v178, ptr %p179, align 4
  br label %latch5
latch5:
  %i5_next = add nsw i64 %i5, 64
  br label %head5, !llvm.loop !1006
exit5:
  br label %enter6
enter6:
  br label %head6
head6:
  %i6 = phi i64 [ %v7, %enter6 ], [ %i6_next, %latch6 ]
  %i6_on = icmp slt i64 %i6, %size2
  br i1 %i6_on, label %body6, label %exit6
body6:
  %v180 = sub nsw i64 %size2, %i6
  %v181 = call i64 @llvm.smin.i64(i64 %v180, i64 16)
  %v182 = trunc i64 %v181 to i32
  %v183 = insertelement <16 x i32> poison, i32 %v182, i64 0
  %v184 = shufflevector <16 x i32> %v183, <16 x i32> poison, <16 x i32> zeroinitializer
  %v185 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v184
  %p186 = getelementptr float, ptr %p4, i64 %i6
  %v187 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p186, i32 4, <16 x i1> %v185, <16 x float> zeroinitializer)
  %v188 = insertelement <16 x float> poison, float %v59, i64 0
  %v189 = shufflevector <16 x float> %v188, <16 x float> poison, <16 x i32> zeroinitializer
  %v190 = fsub contract <16 x float> %v187, %v189
  %v191 = insertelement <16 x float> poison, float %v128, i64 0
  %v192 = shufflevector <16 x float> %v191, <16 x float> poison, <16 x i32> zeroinitializer
  %v193 = fmul <16 x float> %v190, %v192
  %p194 = getelementptr float, ptr %base1, i64 %i6
  %v195 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p194, i32 4, <16 x i1> %v185, <16 x float> zeroinitializer)
  %v196 = fmul <16 x float> %v193, %v195
  %p197 = getelementptr float, ptr %base2, i64 %i6
  %v198 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p197, i32 4, <16 x i1> %v185, <16 x float> zeroinitializer)
  %v199 = fadd contract <16 x float> %v196, %v198
  %p200 = getelementptr float, ptr %p6, i64 %i6
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v199, ptr %p200, i32 4, <16 x i1> %v185)
  br label %latch6
latch6:
  %i6_next = add nsw i64 %i6, 16
  br label %head6, !llvm.loop !1007
exit6:
  br label %latch0
latch0:
  %i0_next = add nsw i64 %i0, 1
  br label %head0, !llvm.loop !1001
exit0:
  ret void
}
!1000 = !{!"llvm.loop.unroll.disable"}
!1001 = distinct !{!1001, !1000}
!1002 = distinct !{!1002, !1000}
!1003 = distinct !{!1003, !1000}
!1004 = distinct !{!1004, !1000}
!1005 = distinct !{!1005, !1000}
!1006 = distinct !{!1006, !1000}
!1007 = distinct !{!1007, !1000}
