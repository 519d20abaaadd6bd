; reduce_max+minus+exp+reduce_sum+over
declare <16 x float> @llvm.fma.v16f32(<16 x float>, <16 x float>, <16 x float>)
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare <16 x float> @llvm.x86.avx512.mask.scalef.ps.512(<16 x float>, <16 x float>, <16 x float>, i16, i32)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch) nounwind {
entry:
  %size0_cell = getelementptr i64, ptr %numbers, i64 0
  %size0 = load i64, ptr %size0_cell
  %size1_cell = getelementptr i64, ptr %numbers, i64 1
  %size1 = load i64, ptr %size1_cell
  %size2_cell = getelementptr i64, ptr %numbers, i64 2
  %size2 = load i64, ptr %size2_cell
  %size3_cell = getelementptr i64, ptr %numbers, i64 3
  %size3 = load i64, ptr %size3_cell
  %base0_cell = getelementptr ptr, ptr %pointers, i64 0
  %base0 = load ptr, ptr %base0_cell
  %base1_cell = getelementptr ptr, ptr %pointers, i64 1
  %base1 = load ptr, ptr %base1_cell
  %sum1_0 = alloca <16 x float>
  %nan1_0 = alloca <16 x i1>
  %sum1_1 = alloca <16 x float>
  %nan1_1 = alloca <16 x i1>
  %sum1_2 = alloca <16 x float>
  %nan1_2 = alloca <16 x i1>
  %sum1_3 = alloca <16 x float>
  %nan1_3 = alloca <16 x i1>
  %sum4_0 = alloca <16 x float>
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %end
  br i1 %i0_on, label %body0, label %exit0
body0:
  %v1 = mul nsw i64 %i0, %size0
  %p2 = getelementptr float, ptr %base0, i64 %v1
  %v3 = mul nsw i64 %i0, %size1
  %p4 = getelementptr float, ptr %base1, i64 %v3
  store <16 x float> splat (float 0xFFF0000000000000), ptr %sum1_0
  store <16 x i1> splat (i1 false), ptr %nan1_0
  store <16 x float> splat (float 0xFFF0000000000000), ptr %sum1_1
  store <16 x i1> splat (i1 false), ptr %nan1_1
  store <16 x float> splat (float 0xFFF0000000000000), ptr %sum1_2
  store <16 x i1> splat (i1 false), ptr %nan1_2
  store <16 x float> splat (float 0xFFF0000000000000), ptr %sum1_3
  store <16 x i1> splat (i1 false), ptr %nan1_3
  %v5 = and i64 %size3, -64
  br label %enter1
enter1:
  br label %head1
head1:
  %i1 = phi i64 [ 0, %enter1 ], [ %i1_next, %latch1 ]
  %i1_on = icmp slt i64 %i1, %v5
  br i1 %i1_on, label %body1, label %exit1
body1:
  %p6 = getelementptr float, ptr %p2, i64 %i1
  %v7 = load <16 x float>, ptr %p6, align 4
  %v8 = load <16 x float>, ptr %sum1_0
  %v9 = fcmp ogt <16 x float> %v8, %v7
  %v10 = select <16 x i1> %v9, <16 x float> %v8, <16 x float> %v7
  store <16 x float> %v10, ptr %sum1_0
  %v11 = load <16 x i1>, ptr %nan1_0
  %v12 = fcmp une <16 x float> %v7, %v7
  %v13 = or <16 x i1> %v11, %v12
  store <16 x i1> %v13, ptr %nan1_0
  %v14 = add nsw i64 %i1, 16
  %p15 = getelementptr float, ptr %p2, i64 %v14
  %v16 = load <16 x float>, ptr %p15, align 4
  %v17 = load <16 x float>, ptr %sum1_1
  %v18 = fcmp ogt <16 x float> %v17, %v16
  %v19 = select <16 x i1> %v18, <16 x float> %v17, <16 x float> %v16
  store <16 x float> %v19, ptr %sum1_1
  %v20 = load <16 x i1>, ptr %nan1_1
  %v21 = fcmp une <16 x float> %v16, %v16
  %v22 = or <16 x i1> %v20, %v21
  store <16 x i1> %v22, ptr %nan1_1
  %v23 = add nsw i64 %i1, 32
  %p24 = getelementptr float, ptr %p2, i64 %v23
  %v25 = load <16 x float>, ptr %p24, align 4
  %v26 = load <16 x float>, ptr %sum1_2
  %v27 = fcmp ogt <16 x float> %v26, %v25
  %v28 = select <16 x i1> %v27, <16 x float> %v26, <16 x float> %v25
  store <16 x float> %v28, ptr %sum1_2
  %v29 = load <16 x i1>, ptr %nan1_2
  %v30 = fcmp une <16 x float> %v25, %v25
  %v31 = or <16 x i1> %v29, %v30
  store <16 x i1> %v31, ptr %nan1_2
  %v32 = add nsw i64 %i1, 48
  %p33 = getelementptr float, ptr %p2, i64 %v32
  %v34 = load <16 x float>, ptr %p33, align 4
  %v35 = load <16 x float>, ptr %sum1_3
  %v36 = fcmp ogt <16 x float> %v35, %v34
  %v37 = select <16 x i1> %v36, <16 x float> %v35, <16 x float> %v34
  store <16 x float> %v37, ptr %sum1_3
  %v38 = load <16 x i1>, ptr %nan1_3
  %v39 = fcmp une <16 x float> %v34, %v34
  %v40 = or <16 x i1> %v38, %v39
  store <16 x i1> %v40, ptr %nan1_3
  br label %latch1
latch1:
  %i1_next = add nsw i64 %i1, 64
  br label %head1, !llvm.loop !1002
exit1:
  br label %enter2
enter2:
  br label %head2
head2:
  %i2 = phi i64 [ %v5, %enter2 ], [ %i2_next, %latch2 ]
  %i2_on = icmp slt i64 %i2, %size3
  br i1 %i2_on, label %body2, label %exit2
body2:
  %v41 = sub nsw i64 %size3, %i2
  %v42 = call i64 @llvm.smin.i64(i64 %v41, i64 16)
  %v43 = trunc i64 %v42 to i32
  %v44 = insertelement <16 x i32> poison, i32 %v43, i64 0
  %v45 = shufflevector <16 x i32> %v44, <16 x i32> poison, <16 x i32> zeroinitializer
  %v46 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v45
  %p47 = getelementptr float, ptr %p2, i64 %i2
  %v48 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p47, i32 4, <16 x i1> %v46, <16 x float> zeroinitializer)
  %v49 = select <16 x i1> %v46, <16 x float> %v48, <16 x float> splat (float 0xFFF0000000000000)
  %v50 = load <16 x float>, ptr %sum1_0
  %v51 = fcmp ogt <16 x float> %v50, %v49
  %v52 = select <16 x i1> %v51, <16 x float> %v50, <16 x float> %v49
  store <16 x float> %v52, ptr %sum1_0
  %v53 = load <16 x i1>, ptr %nan1_0
  %v54 = fcmp une <16 x float> %v49, %v49
  %v55 = or <16 x i1> %v53, %v54
  store <16 x i1> %v55, ptr %nan1_0
  br label %latch2
latch2:
  %i2_next = add nsw i64 %i2, 16
  br label %head2, !llvm.loop !1003
exit2:
  %v56 = load <16 x float>, ptr %sum1_0
  %v57 = load <16 x float>, ptr %sum1_1
  %v58 = load <16 x float>, ptr %sum1_2
  %v59 = load <16 x float>, ptr %sum1_3
  %v60 = load <16 x i1>, ptr %nan1_0
  %v61 = select <16 x i1> %v60, <16 x float> splat (float 0x7FF8000000000000), <16 x float> %v56
  %v62 = load <16 x i1>, ptr %nan1_1
  %v63 = select <16 x i1> %v62, <16 x float> splat (float 0x7FF8000000000000), <16 x float> %v57
  %v64 = load <16 x i1>, ptr %nan1_2
  %v65 = select <16 x i1> %v64, <16 x float> splat (float 0x7FF8000000000000), <16 x float> %v58
  %v66 = load <16 x i1>, ptr %nan1_3
  %v67 = select <16 x i1> %v66, <16 x float> splat (float 0x7FF8000000000000), <16 x float> %v59
  %v68 = fcmp ogt <16 x float> %v61, %v65
  %v69 = fcmp une <16 x float> %v61, %v61
  %v70 = or <16 x i1> %v68, %v69
  %v71 = select <16 x i1> %v70, <16 x float> %v61, <16 x float> %v65
  %v72 = fcmp ogt <16 x float> %v63, %v67
  %v73 = fcmp une <16 x float> %v63, %v63
  %v74 = or <16 x i1> %v72, %v73
  %v75 = select <16 x i1> %v74, <16 x float> %v63, <16 x float> %v67
  %v76 = fcmp ogt <16 x float> %v71, %v75
  %v77 = fcmp une <16 x float> %v71, %v71
  %v78 = or <16 x i1> %v76, %v77
  %v79 = select <16 x i1> %v78, <16 x float> %v71, <16 x float> %v75
  %v80 = shufflevector <16 x float> %v79, <16 x float> poison, <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  %v81 = shufflevector <16 x float> %v79, <16 x float> poison, <8 x i32> <i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>
  %v82 = fcmp ogt <8 x float> %v80, %v81
  %v83 = fcmp une <8 x float> %v80, %v80
  %v84 = or <8 x i1> %v82, %v83
  %v85 = select <8 x i1> %v84, <8 x float> %v80, <8 x float> %v81
  %v86 = shufflevector <8 x float> %v85, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v87 = shufflevector <8 x float> %v85, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v88 = fcmp ogt <4 x float> %v86, %v87
  %v89 = fcmp une <4 x float> %v86, %v86
  %v90 = or <4 x i1> %v88, %v89
  %v91 = select <4 x i1> %v90, <4 x float> %v86, <4 x float> %v87
  %v92 = shufflevector <4 x float> %v91, <4 x float> poison, <2 x i32> <i32 0, i32 1>
  %v93 = shufflevector <4 x float> %v91, <4 x float> poison, <2 x i32> <i32 2, i32 3>
  %v94 = fcmp ogt <2 x float> %v92, %v93
  %v95 = fcmp une <2 x float> %v92, %v92
  %v96 = or <2 x i1> %v94, %v95
  %v97 = select <2 x i1> %v96, <2 x float> %v92, <2 x float> %v93
  %v98 = shufflevector <2 x float> %v97, <2 x float> poison, <1 x i32> <i32 0>
  %v99 = shufflevector <2 x float> %v97, <2 x float> poison, <1 x i32> <i32 1>
  %v100 = extractelement <2 x float> %v97, i64 0
  %v101 = extractelement <2 x float> %v97, i64 1
  %v102 = fcmp ogt float %v100, %v101
  %v103 = fcmp une float %v100, %v100
  %v104 = or i1 %v102, %v103
  %v105 = select i1 %v104, float %v100, float %v101
  store <16 x float> splat (float 0x0000000000000000), ptr %sum4_0
  %v106 = and i64 %size3, -16
  br label %enter3
enter3:
  br label %head3
head3:
  %i3 = phi i64 [ 0, %enter3 ], [ %i3_next, %latch3 ]
  %i3_on = icmp slt i64 %i3, %v106
  br i1 %i3_on, label %body3, label %exit3
body3:
  %p107 = getelementptr float, ptr %p2, i64 %i3
  %v108 = load <16 x float>, ptr %p107, align 4
  %v109 = insertelement <16 x float> poison, float %v105, i64 0
  %v110 = shufflevector <16 x float> %v109, <16 x float> poison, <16 x i32> zeroinitializer
  %v111 = fsub contract <16 x float> %v108, %v110
  %v112 = fcmp ogt <16 x float> %v111, splat (float 0x40562EB860000000)
  %v113 = select <16 x i1> %v112, <16 x float> splat (float 0x40562EB860000000), <16 x float> %v111
  %v114 = fcmp olt <16 x float> %v113, splat (float 0xC05A000000000000)
  %v115 = select <16 x i1> %v114, <16 x float> splat (float 0xC05A000000000000), <16 x float> %v113
  %v116 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v115, <16 x float> splat (float 0x3FF7154760000000), <16 x float> splat (float 0x4168001FC0000000))
  %v117 = fsub contract <16 x float> %v116, splat (float 0x4168001FC0000000)
  %v118 = bitcast <16 x float> %v116 to <16 x i32>
  %v119 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v117, <16 x float> splat (float 0xBFE6300000000000), <16 x float> %v115)
  %v120 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v117, <16 x float> splat (float 0x3F2BD01060000000), <16 x float> %v119)
  %v121 = call <16 x float> @llvm.fma.v16f32(<16 x float> splat (float 0x3F56A24460000000), <16 x float> %v120, <16 x float> splat (float 0x3F81239D40000000))
  %v122 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v121, <16 x float> %v120, <16 x float> splat (float 0x3FA5558F20000000))
  %v123 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v122, <16 x float> %v120, <16 x float> splat (float 0x3FC5554920000000))
  %v124 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v123, <16 x float> %v120, <16 x float> splat (float 0x3FDFFFFFC0000000))
  %v125 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v124, <16 x float> %v120, <16 x float> splat (float 0x3FF0000000000000))
  %v126 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v125, <16 x float> %v120, <16 x float> splat (float 0x3FF0000000000000))
  %v127 = call <16 x float> @llvm.x86.avx512.mask.scalef.ps.512(<16 x float> %v126, <16 x float> %v117, <16 x float> %v126, i16 -1, i32 4)
  %v128 = load <16 x float>, ptr %sum4_0
  %v129 = fadd contract <16 x float> %v128, %v127
  store <16 x float> %v129, ptr %sum4_0
  %p130 = getelementptr float, ptr %scratch, i64 %i3
  store <16 x float> %v127, ptr %p130, align 4
  br label %latch3
latch3:
  %i3_next = add nsw i64 %i3, 16
  br label %head3, !llvm.loop !1004
exit3:
  br label %enter4
enter4:
  br label %head4
head4:
  %i4 = phi i64 [ %v106, %enter4 ], [ %i4_next, %latch4 ]
  %i4_on = icmp slt i64 %i4, %size3
  br i1 %i4_on, label %body4, label %exit4
body4:
  %v131 = sub nsw i64 %size3, %i4
  %v132 = call i64 @llvm.smin.i64(i64 %v131, i64 16)
  %v133 = trunc i64 %v132 to i32
  %v134 = insertelement <16 x i32> poison, i32 %v133, i64 0
  %v135 = shufflevector <16 x i32> %v134, <16 x i32> poison, <16 x i32> zeroinitializer
  %v136 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v135
  %p137 = getelementptr float, ptr %p2, i64 %i4
  %v138 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p137, i32 4, <16 x i1> %v136, <16 x float> zeroinitializer)
  %v139 = insertelement <16 x float> poison, float %v105, i64 0
  %v140 = shufflevector <16 x float> %v139, <16 x float> poison, <16 x i32> zeroinitializer
  %v141 = fsub contract <16 x float> %v138, %v140
  %v142 = fcmp ogt <16 x float> %v141, splat (float 0x40562EB860000000)
  %v143 = select <16 x i1> %v142, <16 x float> splat (float 0x40562EB860000000), <16 x float> %v141
  %v144 = fcmp olt <16 x float> %v143, splat (float 0xC05A000000000000)
  %v145 = select <16 x i1> %v144, <16 x float> splat (float 0xC05A000000000000), <16 x float> %v143
  %v146 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v145, <16 x float> splat (float 0x3FF7154760000000), <16 x float> splat (float 0x4168001FC0000000))
  %v147 = fsub contract <16 x float> %v146, splat (float 0x4168001FC0000000)
  %v148 = bitcast <16 x float> %v146 to <16 x i32>
  %v149 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v147, <16 x float> splat (float 0xBFE6300000000000), <16 x float> %v145)
  %v150 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v147, <16 x float> splat (float 0x3F2BD01060000000), <16 x float> %v149)
  %v151 = call <16 x float> @llvm.fma.v16f32(<16 x float> splat (float 0x3F56A24460000000), <16 x float> %v150, <16 x float> splat (float 0x3F81239D40000000))
  %v152 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v151, <16 x float> %v150, <16 x float> splat (float 0x3FA5558F20000000))
  %v153 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v152, <16 x float> %v150, <16 x float> splat (float 0x3FC5554920000000))
  %v154 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v153, <16 x float> %v150, <16 x float> splat (float 0x3FDFFFFFC0000000))
  %v155 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v154, <16 x float> %v150, <16 x float> splat (float 0x3FF0000000000000))
  %v156 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v155, <16 x float> %v150, <16 x float> splat (float 0x3FF0000000000000))
  %v157 = call <16 x float> @llvm.x86.avx512.mask.scalef.ps.512(<16 x float> %v156, <16 x float> %v147, <16 x float> %v156, i16 -1, i32 4)
  %v158 = select <16 x i1> %v136, <16 x float> %v157, <16 x float> splat (float 0x0000000000000000)
  %v159 = load <16 x float>, ptr %sum4_0
  %v160 = fadd contract <16 x float> %v159, %v158
  store <16 x float> %v160, ptr %sum4_0
  %p161 = getelementptr float, ptr %scratch, i64 %i4
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v157, ptr %p161, i32 4, <16 x i1> %v136)
  br label %latch4
latch4:
  %i4_next = add nsw i64 %i4, 16
  br label %head4, !llvm.loop !1005
exit4:
  %v162 = load <16 x float>, ptr %sum4_0
  %v163 = shufflevector <16 x float> %v162, <16 x float> poison, <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  %v164 = shufflevector <16 x float> %v162, <16 x float> poison, <8 x i32> <i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>
  %v165 = fadd contract <8 x float> %v163, %v164
  %v166 = shufflevector <8 x float> %v165, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v167 = shufflevector <8 x float> %v165, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v168 = fadd contract <4 x float> %v166, %v167
  %v169 = shufflevector <4 x float> %v168, <4 x float> poison, <2 x i32> <i32 0, i32 1>
  %v170 = shufflevector <4 x float> %v168, <4 x float> poison, <2 x i32> <i32 2, i32 3>
  %v171 = fadd contract <2 x float> %v169, %v170
  %v172 = shufflevector <2 x float> %v171, <2 x float> poison, <1 x i32> <i32 0>
  %v173 = shufflevector <2 x float> %v171, <2 x float> poison, <1 x i32> <i32 1>
  %v174 = extractelement <2 x float> %v171, i64 0
  %v175 = extractelement <2 x float> %v171, i64 1
  %v176 = fadd contract float %v174, %v175
  br label %enter5
enter5:
  br label %head5
head5:
  %i5 = phi i64 [ 0, %enter5 ], [ %i5_next, %latch5 ]
  %i5_on = icmp slt i64 %i5, %v106
  br i1 %i5_on, label %body5, label %exit5
body5:
  %p177 = getelementptr float, ptr %scratch, i64 %i5
  %v178 = load <16 x float>, ptr %p177, align 4
  %v179 = insertelement <16 x float> poison, float %v176, i64 0
  %v180 = shufflevector <16 x float> %v179, <16 x float> poison, <16 x i32> zeroinitializer
  %v181 = fdiv <16 x float> %v178, %v180
  %p182 = getelementptr float, ptr %p4, i64 %i5
  store <16 x float> %v181, ptr %p182, align 4
  br label %latch5
latch5:
  %i5_next = add nsw i64 %i5, 16
  br label %head5, !llvm.loop !1006
exit5:
  br label %enter6
enter6:
  br label %head6
head6:
  %i6 = phi i64 [ %v106, %enter6 ], [ %i6_next, %latch6 ]
  %i6_on = icmp slt i64 %i6, %size3
  br i1 %i6_on, label %body6, label %exit6
body6:
  %v183 = sub nsw i64 %size3, %i6
  %v184 = call i64 @llvm.smin.i64(i64 %v183, i64 16)
  %v185 = trunc i64 %v184 to i32
  %v186 = insertelement <16 x i32> poison, i32 %v185, i64 0
  %v187 = shufflevector <16 x i32> %v186, <16 x i32> poison, <16 x i32> zeroinitializer
  %v188 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v187
  %p189 = getelementptr float, ptr %scratch, i64 %i6
  %v190 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p189, i32 4, <16 x i1> %v188, <16 x float> zeroinitializer)
  %v191 = insertelement <16 x float> poison, float %v176, i64 0
  %v192 = shufflevector <16 x float> %v191, <16 x float> poison, <16 x i32> zeroinitializer
  %v193 = fdiv <16 x float> %v190, %v192
  %p194 = getelementptr float, ptr %p4, i64 %i6
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v193, ptr %p194, i32 4, <16 x i1> %v188)
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
