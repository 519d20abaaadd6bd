; reduce_max
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare i64 @llvm.smin.i64(i64, i64)
define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch) nounwind {
entry:
  %size0_cell = getelementptr i64, ptr %numbers, i64 0
  %size0 = load i64, ptr %size0_cell
  %size1_cell = getelementptr i64, ptr %numbers, i64 1
  %size1 = load i64, ptr %size1_cell
  %size2_cell = getelementptr i64, ptr %numbers, i64 2
  %size2 = load i64, ptr %size2_cell
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
  %v5 = and i64 %size2, -64
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
  %i2_on = icmp slt i64 %i2, %size2
  br i1 %i2_on, label %body2, label %exit2
body2:
  %v41 = sub nsw i64 %size2, %i2
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
  store float %v105, ptr %p4, align 4
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

; reduce_argmax
declare i64 @llvm.smax.i64(i64, i64)

declare i64 @llvm.smin.i64(i64, i64)

define  void @kernel(ptr %pointers, ptr %numbers, i64 %begin, i64 %end, ptr %scratch) nounwind {
entry:
  %cell30 = alloca i64
  %cell37 = alloca i64
  %cell38 = alloca i64
  %cell39 = alloca i64
  %cell42 = alloca i64
  %cell75 = alloca i64
  %cell88 = alloca i64
  %cell100 = alloca <16 x float>
  %cell101 = alloca <16 x i64>
  %cell104 = alloca i64
  %buffer125 = alloca [16 x float], align 64
  %buffer126 = alloca [16 x i64], align 64
  %cell129 = alloca float
  %cell130 = alloca i64
  %cell133 = alloca i64
  %cell160 = alloca i64
  %p1 = getelementptr ptr, ptr %pointers, i64 0
  %p2 = load ptr, ptr %p1
  %p3 = getelementptr ptr, ptr %pointers, i64 1
  %p4 = load ptr, ptr %p3
  %p5 = getelementptr i64, ptr %numbers, i64 0
  %n6 = load i64, ptr %p5
  %p7 = getelementptr i64, ptr %numbers, i64 1
  %n8 = load i64, ptr %p7
  %p9 = getelementptr i64, ptr %numbers, i64 2
  %n10 = load i64, ptr %p9
  %p11 = getelementptr i64, ptr %numbers, i64 3
  %p12 = getelementptr i64, ptr %p11, i64 0
  %n13 = load i64, ptr %p12
  %p14 = getelementptr i64, ptr %p11, i64 1
  %n15 = load i64, ptr %p14
  %p16 = getelementptr i64, ptr %p11, i64 2
  %n17 = load i64, ptr %p16
  %p18 = getelementptr i64, ptr %p11, i64 3
  %n19 = load i64, ptr %p18
  %p20 = getelementptr i64, ptr %p11, i64 5
  %n21 = load i64, ptr %p20
  %p22 = getelementptr i64, ptr %p11, i64 4
  %n23 = load i64, ptr %p22
  %p24 = getelementptr i64, ptr %p11, i64 6
  %n25 = load i64, ptr %p24
  %v26 = udiv i64 %begin, %n13
  %v27 = sub i64 %n13, 1
  %v28 = add i64 %end, %v27
  %v29 = udiv i64 %v28, %n13
  store i64 %v26, ptr %cell30
  br label %head31
head31:
  %v34 = load i64, ptr %cell30
  %v35 = icmp slt i64 %v34, %v29
  br i1 %v35, label %body32, label %leave33
body32:
  %p36 = getelementptr i64, ptr %p11, i64 7
  store i64 %v34, ptr %cell37
  store i64 0, ptr %cell38
  store i64 0, ptr %cell39
  %p40 = getelementptr i64, ptr %p36, i64 0
  %n41 = load i64, ptr %p40
  store i64 0, ptr %cell42
  br label %head43
head43:
  %v46 = load i64, ptr %cell42
  %v47 = icmp slt i64 %v46, %n41
  br i1 %v47, label %body44, label %leave45
body44:
  %v48 = mul i64 %v46, 3
  %v49 = add i64 %v48, 1
  %p50 = getelementptr i64, ptr %p36, i64 %v49
  %v51 = load i64, ptr %cell37
  %p52 = getelementptr i64, ptr %p50, i64 0
  %n53 = load i64, ptr %p52
  %v54 = udiv i64 %v51, %n53
  store i64 %v54, ptr %cell37
  %v55 = load i64, ptr %cell38
  %v56 = mul i64 %v54, %n53
  %v57 = sub i64 %v51, %v56
  %p58 = getelementptr i64, ptr %p50, i64 1
  %n59 = load i64, ptr %p58
  %v60 = mul i64 %v57, %n59
  %v61 = add i64 %v55, %v60
  store i64 %v61, ptr %cell38
  %v62 = load i64, ptr %cell39
  %p63 = getelementptr i64, ptr %p50, i64 2
  %n64 = load i64, ptr %p63
  %v65 = mul i64 %v57, %n64
  %v66 = add i64 %v62, %v65
  store i64 %v66, ptr %cell39
  %v67 = add i64 %v46, 1
  store i64 %v67, ptr %cell42
  br label %head43
leave45:
  %v68 = load i64, ptr %cell38
  %v69 = load i64, ptr %cell39
  %v70 = mul i64 %v34, %n13
  %v71 = sub i64 %begin, %v70
  %v72 = call i64 @llvm.smax.i64(i64 %v71, i64 0)
  %v73 = sub i64 %end, %v70
  %v74 = call i64 @llvm.smin.i64(i64 %n13, i64 %v73)
  store i64 %v72, ptr %cell75
  br label %head76
head76:
  %v79 = load i64, ptr %cell75
  %v80 = icmp slt i64 %v79, %v74
  br i1 %v80, label %body77, label %leave78
body77:
  %v81 = mul i64 %v79, %n19
  %v82 = add i64 %v68, %v81
  %v83 = mul i64 %v79, %n21
  %v84 = add i64 %v69, %v83
  %v85 = mul i64 %v79, %n15
  %v86 = sub i64 %n17, %v85
  %v87 = call i64 @llvm.smin.i64(i64 %n15, i64 %v86)
  store i64 0, ptr %cell88
  br label %head89
head89:
  %v92 = load i64, ptr %cell88
  %v93 = icmp slt i64 %v92, %v87
  br i1 %v93, label %body90, label %leave91
body90:
  %v94 = mul i64 %v92, %n23
  %v95 = add i64 %v82, %v94
  %v96 = mul i64 %v92, %n25
  %v97 = add i64 %v84, %v96
  %p98 = getelementptr float, ptr %p2, i64 %v95
  %p99 = getelementptr i64, ptr %p4, i64 %v97
  store <16 x float> splat (float 0xFFF0000000000000), ptr %cell100
  store <16 x i64> splat (i64 0), ptr %cell101
  store <16 x i64> <i64 0, i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7, i64 8, i64 9, i64 10, i64 11, i64 12, i64 13, i64 14, i64 15>, ptr %cell101
  %v102 = and i64 %n6, 15
  %v103 = sub i64 %n6, %v102
  store i64 0, ptr %cell104
  br label %head105
head105:
  %v108 = load i64, ptr %cell104
  %v109 = icmp slt i64 %v108, %v103
  br i1 %v109, label %body106, label %leave107
body106:
  %v110 = load <16 x float>, ptr %cell100
  %v111 = load <16 x i64>, ptr %cell101
  %p112 = getelementptr float, ptr %p98, i64 %v108
  %v113 = load <16 x float>, ptr %p112, align 4
  %v114 = insertelement <16 x i64> poison, i64 %v108, i64 0
  %v115 = shufflevector <16 x i64> %v114, <16 x i64> poison, <16 x i32> zeroinitializer
  %v116 = add <16 x i64> <i64 0, i64 1, i64 2, i64 3, i64 4, i64 5, i64 6, i64 7, i64 8, i64 9, i64 10, i64 11, i64 12, i64 13, i64 14, i64 15>, %v115
  %v117 = fcmp ogt <16 x float> %v113, %v110
  %v118 = fcmp une <16 x float> %v113, %v113
  %v119 = fcmp oeq <16 x float> %v110, %v110
  %v120 = and <16 x i1> %v118, %v119
  %v121 = or <16 x i1> %v117, %v120
  %v122 = select <16 x i1> %v121, <16 x float> %v113, <16 x float> %v110
  %v123 = select <16 x i1> %v121, <16 x i64> %v116, <16 x i64> %v111
  store <16 x float> %v122, ptr %cell100
  store <16 x i64> %v123, ptr %cell101
  %v124 = add i64 %v108, 16
  store i64 %v124, ptr %cell104
  br label %head105
leave107:
  %v127 = load <16 x float>, ptr %cell100
  store <16 x float> %v127, ptr %buffer125, align 4
  %v128 = load <16 x i64>, ptr %cell101
  store <16 x i64> %v128, ptr %buffer126, align 8
  store float 0xFFF0000000000000, ptr %cell129
  store i64 0, ptr %cell130
  %v131 = load float, ptr %buffer125, align 4
  store float %v131, ptr %cell129
  %v132 = load i64, ptr %buffer126, align 8
  store i64 %v132, ptr %cell130
  store i64 1, ptr %cell133
  br label %head134
head134:
  %v137 = load i64, ptr %cell133
  %v138 = icmp slt i64 %v137, 16
  br i1 %v138, label %body135, label %leave136
body135:
  %p139 = getelementptr float, ptr %buffer125, i64 %v137
  %v140 = load float, ptr %p139, align 4
  %p141 = getelementptr i64, ptr %buffer126, i64 %v137
  %v142 = load i64, ptr %p141, align 8
  %v143 = load float, ptr %cell129
  %v144 = load i64, ptr %cell130
  %v145 = fcmp ogt float %v140, %v143
  %v146 = fcmp une float %v140, %v140
  %v147 = fcmp oeq float %v143, %v143
  %v148 = and i1 %v146, %v147
  %v149 = or i1 %v145, %v148
  %v150 = select i1 %v149, float %v140, float %v143
  %v151 = select i1 %v149, i64 %v142, i64 %v144
  %v152 = fcmp oeq float %v140, %v143
  %v153 = fcmp une float %v143, %v143
  %v154 = and i1 %v146, %v153
  %v155 = or i1 %v152, %v154
  %v156 = icmp slt i64 %v142, %v144
  %v157 = and i1 %v155, %v156
  store float %v150, ptr %cell129
  %v158 = select i1 %v157, i64 %v142, i64 %v151
  store i64 %v158, ptr %cell130
  %v159 = add i64 %v137, 1
  store i64 %v159, ptr %cell133
  br label %head134
leave136:
  store i64 %v103, ptr %cell160
  br label %head161
head161:
  %v164 = load i64, ptr %cell160
  %v165 = icmp slt i64 %v164, %n6
  br i1 %v165, label %body162, label %leave163
body162:
  %v166 = load float, ptr %cell129
  %v167 = load i64, ptr %cell130
  %p168 = getelementptr float, ptr %p98, i64 %v164
  %v169 = load float, ptr %p168, align 4
  %v170 = fcmp ogt float %v169, %v166
  %v171 = fcmp une float %v169, %v169
  %v172 = fcmp oeq float %v166, %v166
  %v173 = and i1 %v171, %v172
  %v174 = or i1 %v170, %v173
  %v175 = select i1 %v174, float %v169, float %v166
  %v176 = select i1 %v174, i64 %v164, i64 %v167
  store float %v175, ptr %cell129
  store i64 %v176, ptr %cell130
  %v177 = add i64 %v164, 1
  store i64 %v177, ptr %cell160
  br label %head161
leave163:
  %v178 = load i64, ptr %cell130
  store i64 %v178, ptr %p99, align 8
  %v179 = add i64 %v92, 1
  store i64 %v179, ptr %cell88
  br label %head89
leave91:
  %v180 = add i64 %v79, 1
  store i64 %v180, ptr %cell75
  br label %head76
leave78:
  %v181 = add i64 %v34, 1
  store i64 %v181, ptr %cell30
  br label %head31
leave33:
  ret void
}
