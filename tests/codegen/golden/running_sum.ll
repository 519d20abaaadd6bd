; running_sum
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
  %cell90 = alloca i64
  %cell124 = alloca double
  %cell125 = alloca double
  %cell126 = alloca double
  %cell127 = alloca double
  %cell128 = alloca i64
  %cell129 = alloca i64
  %cell130 = alloca i64
  %cell131 = alloca i64
  %cell173 = alloca i64
  %cell185 = alloca double
  %cell186 = alloca i64
  %cell187 = alloca i64
  %cell188 = alloca i64
  %cell189 = alloca i64
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
  %v88 = and i64 %v87, 3
  %v89 = sub i64 %v87, %v88
  store i64 0, ptr %cell90
  br label %head91
head91:
  %v94 = load i64, ptr %cell90
  %v95 = icmp slt i64 %v94, %v89
  br i1 %v95, label %body92, label %leave93
body92:
  %v96 = add i64 %v94, 0
  %v97 = mul i64 %v96, %n23
  %v98 = add i64 %v82, %v97
  %v99 = mul i64 %v96, %n25
  %v100 = add i64 %v84, %v99
  %p101 = getelementptr float, ptr %p2, i64 %v98
  %p102 = getelementptr float, ptr %p4, i64 %v100
  %v103 = add i64 %v94, 1
  %v104 = mul i64 %v103, %n23
  %v105 = add i64 %v82, %v104
  %v106 = mul i64 %v103, %n25
  %v107 = add i64 %v84, %v106
  %p108 = getelementptr float, ptr %p2, i64 %v105
  %p109 = getelementptr float, ptr %p4, i64 %v107
  %v110 = add i64 %v94, 2
  %v111 = mul i64 %v110, %n23
  %v112 = add i64 %v82, %v111
  %v113 = mul i64 %v110, %n25
  %v114 = add i64 %v84, %v113
  %p115 = getelementptr float, ptr %p2, i64 %v112
  %p116 = getelementptr float, ptr %p4, i64 %v114
  %v117 = add i64 %v94, 3
  %v118 = mul i64 %v117, %n23
  %v119 = add i64 %v82, %v118
  %v120 = mul i64 %v117, %n25
  %v121 = add i64 %v84, %v120
  %p122 = getelementptr float, ptr %p2, i64 %v119
  %p123 = getelementptr float, ptr %p4, i64 %v121
  store double 0x0000000000000000, ptr %cell124
  store double 0x0000000000000000, ptr %cell125
  store double 0x0000000000000000, ptr %cell126
  store double 0x0000000000000000, ptr %cell127
  store i64 0, ptr %cell128
  store i64 0, ptr %cell129
  store i64 0, ptr %cell130
  store i64 0, ptr %cell131
  br label %head132
head132:
  %v135 = load i64, ptr %cell131
  %v136 = icmp slt i64 %v135, %n6
  br i1 %v136, label %body133, label %leave134
body133:
  %v137 = load i64, ptr %cell128
  %v138 = load i64, ptr %cell129
  %v139 = load i64, ptr %cell130
  %p140 = getelementptr float, ptr %p101, i64 %v138
  %v141 = load float, ptr %p140, align 4
  %v142 = load double, ptr %cell124
  %v143 = fpext float %v141 to double
  %v144 = fadd contract double %v142, %v143
  store double %v144, ptr %cell124
  %v145 = fptrunc double %v144 to float
  %p146 = getelementptr float, ptr %p102, i64 %v139
  store float %v145, ptr %p146, align 4
  %p147 = getelementptr float, ptr %p108, i64 %v138
  %v148 = load float, ptr %p147, align 4
  %v149 = load double, ptr %cell125
  %v150 = fpext float %v148 to double
  %v151 = fadd contract double %v149, %v150
  store double %v151, ptr %cell125
  %v152 = fptrunc double %v151 to float
  %p153 = getelementptr float, ptr %p109, i64 %v139
  store float %v152, ptr %p153, align 4
  %p154 = getelementptr float, ptr %p115, i64 %v138
  %v155 = load float, ptr %p154, align 4
  %v156 = load double, ptr %cell126
  %v157 = fpext float %v155 to double
  %v158 = fadd contract double %v156, %v157
  store double %v158, ptr %cell126
  %v159 = fptrunc double %v158 to float
  %p160 = getelementptr float, ptr %p116, i64 %v139
  store float %v159, ptr %p160, align 4
  %p161 = getelementptr float, ptr %p122, i64 %v138
  %v162 = load float, ptr %p161, align 4
  %v163 = load double, ptr %cell127
  %v164 = fpext float %v162 to double
  %v165 = fadd contract double %v163, %v164
  store double %v165, ptr %cell127
  %v166 = fptrunc double %v165 to float
  %p167 = getelementptr float, ptr %p123, i64 %v139
  store float %v166, ptr %p167, align 4
  %v168 = add i64 %v137, 1
  store i64 %v168, ptr %cell128
  %v169 = add i64 %v138, %n8
  store i64 %v169, ptr %cell129
  %v170 = add i64 %v139, %n10
  store i64 %v170, ptr %cell130
  %v171 = add i64 %v135, 1
  store i64 %v171, ptr %cell131
  br label %head132
leave134:
  %v172 = add i64 %v94, 4
  store i64 %v172, ptr %cell90
  br label %head91
leave93:
  store i64 %v89, ptr %cell173
  br label %head174
head174:
  %v177 = load i64, ptr %cell173
  %v178 = icmp slt i64 %v177, %v87
  br i1 %v178, label %body175, label %leave176
body175:
  %v179 = mul i64 %v177, %n23
  %v180 = add i64 %v82, %v179
  %v181 = mul i64 %v177, %n25
  %v182 = add i64 %v84, %v181
  %p183 = getelementptr float, ptr %p2, i64 %v180
  %p184 = getelementptr float, ptr %p4, i64 %v182
  store double 0x0000000000000000, ptr %cell185
  store i64 0, ptr %cell186
  store i64 0, ptr %cell187
  store i64 0, ptr %cell188
  store i64 0, ptr %cell189
  br label %head190
head190:
  %v193 = load i64, ptr %cell189
  %v194 = icmp slt i64 %v193, %n6
  br i1 %v194, label %body191, label %leave192
body191:
  %v195 = load i64, ptr %cell186
  %v196 = load i64, ptr %cell187
  %v197 = load i64, ptr %cell188
  %p198 = getelementptr float, ptr %p183, i64 %v196
  %v199 = load float, ptr %p198, align 4
  %v200 = load double, ptr %cell185
  %v201 = fpext float %v199 to double
  %v202 = fadd contract double %v200, %v201
  store double %v202, ptr %cell185
  %v203 = fptrunc double %v202 to float
  %p204 = getelementptr float, ptr %p184, i64 %v197
  store float %v203, ptr %p204, align 4
  %v205 = add i64 %v195, 1
  store i64 %v205, ptr %cell186
  %v206 = add i64 %v196, %n8
  store i64 %v206, ptr %cell187
  %v207 = add i64 %v197, %n10
  store i64 %v207, ptr %cell188
  %v208 = add i64 %v193, 1
  store i64 %v208, ptr %cell189
  br label %head190
leave192:
  %v209 = add i64 %v177, 1
  store i64 %v209, ptr %cell173
  br label %head174
leave176:
  %v210 = add i64 %v79, 1
  store i64 %v210, ptr %cell75
  br label %head76
leave78:
  %v211 = add i64 %v34, 1
  store i64 %v211, ptr %cell30
  br label %head31
leave33:
  ret void
}
